// Makes a photo small on the phone: long edge 1280 px, JPEG, at most 200 KB. Re-encoding also drops where and when the
// camera says it was taken. A picture that this browser cannot read is returned as it is: the server decides.
const LONG_EDGE = 1280;
const LARGEST = 200 * 1024;
const QUALITIES = [0.72, 0.6, 0.5, 0.4];

const draw = (picture, edge) => {
  const scale = Math.min(1, edge / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
};

const encode = (canvas, quality) => new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));

export const shrink = async (file) => {
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file;
  }
  try {
    let blob = null;
    for (const edge of [LONG_EDGE, LONG_EDGE / 2]) {
      const canvas = draw(picture, edge);
      for (const quality of QUALITIES) {
        blob = await encode(canvas, quality);
        if (blob && blob.size <= LARGEST) break;
      }
      if (blob && blob.size <= LARGEST) break;
    }
    return blob ? new File([blob], "photo.jpg", { type: "image/jpeg" }) : file;
  } finally {
    picture.close();
  }
};
