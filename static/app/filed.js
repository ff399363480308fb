// The report is filed: what the phone kept of it may go.
const { person } = document.getElementById("filed").dataset;
try {
  localStorage.removeItem(`report:${person}`);
} catch {
  /* nothing was kept */
}
