// Where the phone is. One provider today, the browser; others (a messenger's, a province's app) answer the same shape:
// {lon, lat, accuracy} in WGS-84. Resolves to null when it cannot be known: nothing ever waits for it.
const SECONDS = 8;

const browser = () =>
  new Promise((resolve) => {
    if (!window.isSecureContext || !navigator.geolocation) return resolve(null);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ lon: coords.longitude, lat: coords.latitude, accuracy: coords.accuracy }),
      () => resolve(null),
      { enableHighAccuracy: true, timeout: SECONDS * 1000, maximumAge: 30_000 },
    );
  });

export const providers = [browser];

export const findMe = async () => {
  for (const provider of providers) {
    const found = await provider();
    if (found) return found;
  }
  return null;
};
