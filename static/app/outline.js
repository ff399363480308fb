// Draws a cell's outline on a map among its neighbours; the text field with GeoJSON is what is sent. Leaflet and
// Leaflet.draw come from django-leaflet and are global (L). A corner dropped near a neighbour's corner takes its place,
// so that borders stay shared to the last digit.
const L = globalThis.L;
const SNAP_PIXELS = 12;
const MOST_CORNERS = 1_500; // beyond, every corner as a handle would make the page crawl: such outlines are imported

const STYLES = {
  parent: { color: "#14293d", weight: 2, fill: false, dashArray: "6 6", interactive: false },
  neighbour: { color: "#515c68", weight: 1, fillOpacity: 0.08, interactive: false },
  own: { color: "#b4480a", weight: 3, fillOpacity: 0.15 },
};

const flat = (points) => (Array.isArray(points) ? points.flatMap(flat) : [points]);

const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

class OutlineEditor {
  constructor(box) {
    this.text = box.querySelector("textarea");
    this.words = JSON.parse(box.dataset.words);
    this.corners = []; // of the neighbours and the parent, to snap to
    const pane = document.createElement("div");
    pane.className = "outline-map";
    const help = document.createElement("p");
    help.className = "help outline-help";
    help.textContent = this.words.help;
    box.prepend(pane, help);
    this.map = L.map(pane, { attributionControl: false }).setView([34.75, 113.62], 11);
    this.addButton(help);
    this.map.on(L.Draw.Event.CREATED, ({ layer }) => this.take(layer));
    this.text.addEventListener("change", () => this.showText());
    this.showText();
    if (box.dataset.around) this.loadAround(box.dataset.around);
  }

  addButton(after) {
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "button";
    this.button.addEventListener("click", () => {
      this.remove();
      new L.Draw.Polygon(this.map, { allowIntersection: false, shapeOptions: STYLES.own }).enable();
    });
    after.after(this.button);
  }

  async loadAround(url) {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const around = L.geoJSON(await answer.json(), {
      style: ({ properties }) => STYLES[properties.role],
      onEachFeature: ({ properties }, layer) => {
        if (properties.role === "neighbour") layer.bindTooltip(properties.name);
        this.corners.push(...flat(layer.getLatLngs()));
      },
    }).addTo(this.map);
    if (!this.own && around.getLayers().length) this.map.fitBounds(around.getBounds());
  }

  showText() {
    this.remove();
    const geometry = parse(this.text.value);
    this.button.textContent = this.text.value.trim() ? this.words.redraw : this.words.draw;
    if (!geometry?.coordinates) return;
    try {
      const [layer] = L.geoJSON(geometry, { style: STYLES.own }).getLayers();
      this.take(layer, { write: false });
      this.map.fitBounds(layer.getBounds(), { padding: [20, 20] });
    } catch {
      this.remove(); // the server says what is wrong with it
    }
  }

  take(layer, { write = true } = {}) {
    this.remove();
    this.own = layer.addTo(this.map);
    this.button.textContent = this.words.redraw;
    if (flat(layer.getLatLngs()).length <= MOST_CORNERS) layer.editing?.enable();
    layer.on("edit", () => {
      this.snap();
      this.write();
    });
    if (!write) {
      this.settle();
      return;
    }
    this.settled = new Set();
    this.snap();
    this.write();
  }

  remove() {
    this.own?.editing?.disable();
    this.own?.remove();
    this.own = null;
  }

  // Only corners that have just been put down: the others stand where they were meant to.
  snap() {
    for (const corner of flat(this.own.getLatLngs())) {
      if (this.settled.has(key(corner))) continue;
      const here = this.map.latLngToContainerPoint(corner);
      let best = null;
      let least = SNAP_PIXELS;
      for (const other of this.corners) {
        const away = here.distanceTo(this.map.latLngToContainerPoint(other));
        if (away < least) [best, least] = [other, away];
      }
      if (best) [corner.lat, corner.lng] = [best.lat, best.lng];
    }
    this.own.redraw();
    this.own.editing?.updateMarkers?.();
  }

  settle() {
    this.settled = new Set(flat(this.own.getLatLngs()).map(key));
  }

  write() {
    this.settle();
    this.text.value = JSON.stringify(this.own.toGeoJSON(false).geometry);
  }
}

const key = ({ lat, lng }) => `${lat},${lng}`;

for (const box of document.querySelectorAll(".outline-editor")) new OutlineEditor(box);
