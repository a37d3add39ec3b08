"use strict";
const labels = LABELS;
const words = {
  en: {
    people: ["person", "people"], nobody: "nobody", bars: "Probabilities, mean over all",
    room: "Where faces are", past: "Last ten minutes: people by expression",
    ago10: "10 min ago", ago5: "5 min ago", ago0: "now", valence: "valence",
    foot: "Numbers and boxes only: no picture leaves the program. A label is what a face looks like, not what a person feels.",
    states: {
      starting: "camera is starting", running: "camera is running", idle: "camera is running",
      covered: "camera is covered", retrying: "no camera", stopping: "stopped",
      offline: "no connection",
    },
  },
  es: {
    people: ["persona", "personas"], nobody: "nadie", bars: "Probabilidades, media de todas",
    room: "Dónde están las caras", past: "Últimos diez minutos: personas por expresión",
    ago10: "hace 10 min", ago5: "hace 5 min", ago0: "ahora", valence: "valencia",
    foot: "Solo números y recuadros: ninguna imagen sale del programa. La etiqueta dice qué aspecto tiene una cara, no qué siente una persona.",
    states: {
      starting: "la cámara arranca", running: "cámara en marcha", idle: "cámara en marcha",
      covered: "cámara tapada", retrying: "sin cámara", stopping: "detenido",
      offline: "sin conexión",
    },
  },
};
const asked = new URLSearchParams(location.search).get("lang") || navigator.language || "en";
const language = asked.toLowerCase().startsWith("es") ? "es" : "en";
const text = words[language], names = labels.names[language];
const percent = new Intl.NumberFormat(language, { style: "percent" });
const decimal = new Intl.NumberFormat(language, { maximumFractionDigits: 2, minimumFractionDigits: 2, signDisplay: "exceptZero" });
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes, parent, content) {
  const element = tag[0] === "$" ? document.createElementNS(SVG, tag.slice(1)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (content !== undefined) element.textContent = content;
  parent.append(element);
  return element;
}

document.documentElement.lang = language;
for (const id of ["ago10", "ago5", "ago0", "foot"]) byId(id).textContent = text[id];
for (const id of ["bars", "room", "past"]) byId(id + "-title").textContent = text[id];

const bars = {};
for (const name of labels.emotions) {
  const list = byId("bars").querySelector("dl");
  make("dt", {}, list, names[name]);
  const fill = make("i", {}, make("dd", { class: "bar" }, list));
  fill.style.background = labels.colors[name];
  bars[name] = { fill, number: make("dd", {}, list, "–") };
}

function showState(state) {
  byId("state").dataset.state = state;
  byId("state").lastElementChild.textContent = text.states[state] || state;
}

function showMoment(moment) {
  const lost = moment.state === "covered" || moment.state === "retrying";
  const faces = moment.faces;
  showState(moment.state);
  byId("device").textContent = moment.device;
  byId("people").textContent = lost ? "–" : String(moment.people);
  byId("people-word").textContent = text.people[moment.people === 1 ? 0 : 1];
  const unsure = faces.length > 0 && faces.every((face) => face.emotion === "uncertain");
  const label = unsure ? "uncertain" : moment.emotion;
  byId("label").textContent = label ? names[label] : lost ? "–" : text.nobody;
  byId("swatch").style.background = label ? labels.colors[label] : "";
  byId("valence").textContent = moment.valence === null ? "" : text.valence + " " + decimal.format(moment.valence);
  for (const name of labels.emotions) {
    const sum = faces.reduce((so_far, face) => so_far + face.probabilities[name], 0);
    const mean = faces.length ? sum / faces.length : 0;
    bars[name].fill.style.width = 100 * mean + "%";
    bars[name].number.textContent = faces.length ? percent.format(mean) : "–";
  }
  const room = byId("room").querySelector("svg");
  room.replaceChildren();
  for (const face of faces) {
    const x = 800 * face.box.x, y = 600 * face.box.y;
    make("$rect", {
      x, y, width: 800 * face.box.w, height: 600 * face.box.h, rx: 8,
      stroke: labels.colors[face.emotion],
    }, room);
    make("$text", { x, y: y < 40 ? y + 600 * face.box.h + 34 : y - 12 }, room,
      face.face_id + " · " + names[face.emotion]);
  }
}

function showPast(past) {
  const chart = byId("past").querySelector("svg");
  const total = (bin) => Object.values(bin || {}).reduce((a, b) => a + b, 0);
  const most = Math.max(1, Math.ceil(Math.max(...past.bins.map(total)) - 0.01));
  chart.replaceChildren();
  byId("most").textContent = most + " " + text.people[most === 1 ? 0 : 1];
  past.bins.forEach((bin, x) => {
    let y = 100;
    if (bin === null) {
      make("$rect", { x, y: 97, width: 1, height: 3, class: "gap" }, chart);
      return;
    }
    for (const name of [...labels.emotions, "uncertain"]) {
      const height = (100 * (bin[name] || 0)) / most;
      if (!height) continue;
      y -= height;
      make("$rect", { x, y, width: 1.03, height, fill: labels.colors[name] }, chart);
    }
  });
}

async function lookBack() {
  try {
    const answer = await fetch("history");
    if (answer.ok) showPast(await answer.json());
  } catch { /* the stream says that there is no connection */ }
}

let stream = null, heard = 0, patience = 60000;
function listen() {
  if (stream) stream.close();
  heard = Date.now();
  stream = new EventSource("events");
  stream.addEventListener("moment", (event) => {
    heard = Date.now();
    showMoment(JSON.parse(event.data));
  });
  stream.addEventListener("status", (event) => {
    heard = Date.now();
    // In an empty room nothing else comes.
    patience = Math.max(60000, 2500 * JSON.parse(event.data).interval_s);
  });
  stream.addEventListener("open", lookBack);
  stream.addEventListener("error", () => showState("offline"));
}
// A browser comes again by itself, but not after an answer such as 503, nor where a connection
// has died without a word.
setInterval(() => {
  if (stream.readyState === EventSource.CLOSED || Date.now() - heard > patience) listen();
}, 2000);
setInterval(lookBack, 5000);
showState("offline");
listen();
