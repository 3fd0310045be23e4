"use strict";
// The maps of the page, from the numbers in the element "chart"; nothing is loaded from elsewhere.

const byId = (id) => document.getElementById(id);
const RADIAN = Math.PI / 180;

// --- Copy buttons and ages ------------------------------------------------------------------

function copyText(text) {
  const fallback = () => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("not copied"));
  };
  if (!navigator.clipboard) return fallback();
  return navigator.clipboard.writeText(text).catch(fallback);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.textContent;
  button.addEventListener("click", () => {
    copyText(byId(button.dataset.copy).textContent).then(
      () => { button.textContent = "Copied"; },
      () => { button.textContent = "Not copied: select the text"; },
    ).then(() => setTimeout(() => { button.textContent = label; }, 2000));
  });
}

function age(seconds) {
  if (seconds < 0) return "";
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  for (const [name, size] of units) {
    const n = Math.floor(seconds / size);
    if (n >= 1) return ` (${n} ${name}${n > 1 ? "s" : ""} ago)`;
  }
  return " (just now)";
}

function showAges() {
  for (const it of document.querySelectorAll("[data-ago]")) {
    if (it.dataset.ago) it.textContent = age(Date.now() / 1000 - Number(it.dataset.ago));
  }
}
showAges();
setInterval(showAges, 30000);

// --- HEALPix (Gorski et al. 2005), NESTED and RING ------------------------------------------

const RING_OF_FACE = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4];
const PHI_OF_FACE = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7];

function unweave(order, pixel) { // NESTED pixel -> face, x, y
  const size = 4 ** order;
  const face = Math.floor(pixel / size);
  let rest = pixel - face * size, x = 0, y = 0;
  for (let bit = 1; rest > 0; bit *= 2) {
    const pair = rest % 4;
    x += (pair & 1) * bit;
    y += (pair >> 1) * bit;
    rest = Math.floor(rest / 4);
  }
  return [face, x, y];
}

function weave(order, face, x, y) {
  let pixel = 0, size = 1;
  while (x > 0 || y > 0) {
    pixel += ((x % 2) + 2 * (y % 2)) * size;
    x = Math.floor(x / 2);
    y = Math.floor(y / 2);
    size *= 4;
  }
  return face * 4 ** order + pixel;
}

function onSphere(face, x, y) { // x, y from 0 to 1 in the face -> z, phi
  const ring = RING_OF_FACE[face] - x - y;
  let z, width;
  if (ring < 1) { width = ring; z = 1 - width * width / 3; }
  else if (ring > 3) { width = 4 - ring; z = width * width / 3 - 1; }
  else { width = 1; z = (2 - ring) * 2 / 3; }
  let along = PHI_OF_FACE[face] * width + x - y;
  if (along < 0) along += 8;
  if (along >= 8) along -= 8;
  return [z, width < 1e-15 ? 0 : Math.PI / 4 * along / width];
}

function vectorOf(z, phi) {
  const radius = Math.sqrt(Math.max(0, 1 - z * z));
  return [radius * Math.cos(phi), radius * Math.sin(phi), z];
}

function pixelAt(order, z, phi) { // -> face, x, y
  const nside = 2 ** order;
  const turn = (((phi / (Math.PI / 2)) % 4) + 4) % 4;
  if (Math.abs(z) <= 2 / 3) {
    const a = nside * (0.5 + turn), b = nside * z * 0.75;
    const p = Math.floor(a - b), m = Math.floor(a + b);
    const fp = Math.floor(p / nside), fm = Math.floor(m / nside);
    const face = fp === fm ? (fp | 4) : (fp < fm ? fp : fm + 8);
    return [face, m % nside, nside - (p % nside) - 1];
  }
  const quarter = Math.min(3, Math.floor(turn)), part = turn - quarter;
  const size = nside * Math.sqrt(3 * (1 - Math.abs(z)));
  const p = Math.min(nside - 1, Math.floor(part * size));
  const m = Math.min(nside - 1, Math.floor((1 - part) * size));
  return z >= 0 ? [quarter, nside - m - 1, nside - p - 1] : [quarter + 8, p, m];
}

function ringNumber(order, face, x, y) {
  const nside = 2 ** order, total = 12 * nside * nside;
  const ring = RING_OF_FACE[face] * nside - x - y - 1;
  let width = nside, before, shift = 0;
  if (ring < nside) { width = ring; before = 2 * width * (width - 1); }
  else if (ring > 3 * nside) { width = 4 * nside - ring; before = total - 2 * (width + 1) * width; }
  else { before = 2 * nside * (nside - 1) + (ring - nside) * 4 * nside; shift = (ring - nside) % 2; }
  let along = (PHI_OF_FACE[face] * width + x - y + 1 + shift) / 2;
  if (along > 4 * nside) along -= 4 * nside;
  if (along < 1) along += 4 * nside;
  return before + along - 1;
}

// --- The map --------------------------------------------------------------------------------

const VIRIDIS = ["#440154", "#471164", "#482071", "#472e7c", "#443b84", "#404688", "#3b528b",
  "#365d8d", "#31688e", "#2c728e", "#287c8e", "#24868e", "#21908c", "#1f9a8a", "#20a486",
  "#27ad81", "#35b779", "#47c16e", "#5dc863", "#75d054", "#90d743", "#addc30", "#cae11f",
  "#e5e419", "#fde725"].map((it) => [1, 3, 5].map((at) => parseInt(it.slice(at, at + 2), 16)));

function shade(part) { // 0: the best fit, bright; 1: dark
  const at = (1 - Math.min(1, Math.max(0, part))) * (VIRIDIS.length - 1);
  const low = Math.min(VIRIDIS.length - 2, Math.floor(at)), rest = at - low;
  return VIRIDIS[low].map((it, i) => Math.round(it + rest * (VIRIDIS[low + 1][i] - it)));
}

const unitVector = (ra, dec) => vectorOf(Math.sin(dec * RADIAN), ra * RADIAN);
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const dec = (v) => Math.asin(Math.max(-1, Math.min(1, v[2]))) / RADIAN;
const ra = (v) => (Math.atan2(v[1], v[0]) / RADIAN + 360) % 360;

function readChart(chart) {
  const cells = new Map(); // order -> Map(pixel -> cell)
  const all = [];
  for (const group of chart.cells) {
    if (!cells.has(group.order)) cells.set(group.order, new Map());
    let pixel = 0;
    group.pixels.forEach((step, i) => {
      pixel += step;
      const cell = { order: group.order, pixel, nside: group.nside, value: group.values[i] };
      cells.get(group.order).set(pixel, cell);
      all.push(cell);
    });
  }
  for (const cell of all) {
    const [face, x, y] = unweave(cell.order, cell.pixel), nside = 2 ** cell.order;
    Object.assign(cell, { face, x, y });
    cell.centre = vectorOf(...onSphere(face, (x + 0.5) / nside, (y + 0.5) / nside));
    cell.reach = 1.3 / nside; // radians; the farthest corner is nearer
  }
  return { frame: chart.frame, all, cells, orders: [...cells.keys()].sort((a, b) => b - a) };
}

function corners(cell) {
  const nside = 2 ** cell.order, steps = Math.max(1, 16 / nside), line = [];
  const edge = [[0, 0, 1, 0], [1, 0, 0, 1], [1, 1, -1, 0], [0, 1, 0, -1]];
  for (const [x, y, dx, dy] of edge) {
    for (let i = 0; i < steps; i += 1) {
      const px = (cell.x + x + dx * i / steps) / nside, py = (cell.y + y + dy * i / steps) / nside;
      line.push(vectorOf(...onSphere(cell.face, px, py)));
    }
  }
  return line;
}

function cellAt(map, v) {
  const phi = Math.atan2(v[1], v[0]);
  for (const order of map.orders) {
    const cell = map.cells.get(order).get(weave(order, ...pixelAt(order, v[2], phi)));
    if (cell) return cell;
  }
  return null;
}

const turn = (value) => fixed(value).replace(/^360\./, "0.");
const place = (map, v) =>
  `${map.frame.longitude} ${turn(ra(v))}°, ${map.frame.latitude} ${signed(dec(v))}°`;

function describe(map, v) {
  const cell = cellAt(map, v);
  if (!cell) return "";
  if (cell.value === null || cell.nside === 0) {
    return `${place(map, v)}: not scanned`;
  }
  const value = `2Δllh ${cell.value.toFixed(2)}`;
  if (cell.nside < 0) {
    return `${place(map, v)}: ${value} or more (merged pixels)`;
  }
  const order = Math.log2(cell.nside), [face, x, y] = pixelAt(order, v[2], Math.atan2(v[1], v[0]));
  const c = vectorOf(...onSphere(face, (x + 0.5) / cell.nside, (y + 0.5) / cell.nside));
  const pixel = `nside ${cell.nside}, pixel ${ringNumber(order, face, x, y)}`;
  return `${place(map, c)}: ${value} (${pixel})`;
}

function fixed(value) { // to 0.01, as in all other views: a tie goes to the even digit
  const near = Math.round(value * 1e9) / 1e9;
  const isTie = Number.isInteger(near * 8) && !Number.isInteger(near * 4);
  const low = Math.floor(near * 100);
  return (isTie ? (low + (low % 2)) / 100 : near).toFixed(2);
}

const signed = (value) => `${value < 0 ? "−" : "+"}${fixed(Math.abs(value))}`;

function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return { back: read("--back"), text: read("--text"), soft: read("--soft"), unknown: read("--line") };
}

function sized(canvas, most = 3) { // the canvas has the pixels of the screen
  const ratio = Math.min(most, window.devicePixelRatio || 1);
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const brush = canvas.getContext("2d");
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  return [brush, width, height];
}

function makeZoom(chart, map, deepest) {
  const canvas = byId("zoom"), out = byId("zoom-hover");
  const FIRST = Math.min(40, Math.max(0.3, 1.6 * chart.radius_deg));
  const view = { ra: chart.best[0], dec: chart.best[1], half: FIRST, hover: null };
  let centre, east, north, scale, width, height;

  function aim() {
    const a = view.ra * RADIAN, d = view.dec * RADIAN;
    centre = unitVector(view.ra, view.dec);
    east = [-Math.sin(a), Math.cos(a), 0];
    north = [-Math.sin(d) * Math.cos(a), -Math.sin(d) * Math.sin(a), Math.cos(d)];
    scale = Math.min(width, height) / 2 / (view.half * RADIAN);
  }
  function project(v) { // east is on the left
    const depth = dot(v, centre);
    if (depth < 0.15) return null;
    return [width / 2 - dot(v, east) / depth * scale, height / 2 - dot(v, north) / depth * scale];
  }
  function unproject(x, y) {
    const e = (width / 2 - x) / scale, n = (height / 2 - y) / scale;
    const v = [0, 1, 2].map((i) => centre[i] + e * east[i] + n * north[i]);
    const length = Math.hypot(...v);
    return v.map((it) => it / length);
  }
  function path(brush, vectors, close) {
    brush.beginPath();
    let pen = false;
    for (const v of vectors) {
      const p = project(v);
      if (!p) { if (close) return false; pen = false; continue; }
      if (pen) brush.lineTo(...p); else brush.moveTo(...p);
      pen = true;
    }
    if (close) brush.closePath();
    return true;
  }
  function outlined(brush, look, line) {
    brush.setLineDash(line);
    for (const [colour, wide] of [["rgba(0,0,0,.75)", look + 1.6], ["#ffffff", look]]) {
      brush.strokeStyle = colour;
      brush.lineWidth = wide;
      brush.stroke();
    }
    brush.setLineDash([]);
  }
  function label(brush, text, x, y, align) {
    brush.save();
    brush.font = "12px system-ui, 'Liberation Sans', sans-serif";
    brush.textAlign = align;
    brush.lineJoin = "round";
    brush.lineWidth = 3;
    brush.strokeStyle = "rgba(0,0,0,.75)";
    brush.strokeText(text, x, y);
    brush.fillStyle = "#ffffff";
    brush.fillText(text, x, y);
    brush.restore();
  }
  function graticule(brush) {
    const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
    const step = STEPS.find((it) => it >= view.half / 2.2) || 30;
    const wide = Math.max(Math.cos(view.dec * RADIAN), 0.03);
    const stepRa = [...STEPS, 45, 60, 90].find((it) => it >= view.half / 2.2 / wide) || 90;
    const round = (it) => String(Number(it.toFixed(2)));
    brush.lineWidth = 0.6;
    const reachDec = Math.min(90, 2.5 * view.half), reachRa = Math.min(180, 2.5 * view.half / wide);
    const along = (n, f) => Array.from({ length: n + 1 }, (_, i) => f(i / n));
    for (let k = Math.ceil((view.ra - reachRa) / stepRa); k * stepRa <= view.ra + reachRa; k += 1) {
      const a = k * stepRa;
      const line = along(40, (t) => unitVector(a, Math.max(-90, Math.min(90,
        view.dec + reachDec * (2 * t - 1)))));
      path(brush, line, false);
      brush.strokeStyle = "rgba(255,255,255,.35)";
      brush.stroke();
      const low = line.map(project).filter((p) => p && p[1] < height - 4 && p[1] > height - 60);
      if (low.length) {
        const at = low.reduce((p, q) => (q[1] > p[1] ? q : p));
        if (at[0] > 40 && at[0] < width - 100) label(brush, `${round(((a % 360) + 360) % 360)}°`, at[0], height - 8, "center");
      }
    }
    for (let k = Math.ceil((view.dec - reachDec) / step); k * step <= view.dec + reachDec; k += 1) {
      const d = k * step;
      if (d < -90 || d > 90) continue;
      const line = along(60, (t) => unitVector(view.ra + reachRa * (2 * t - 1), d));
      path(brush, line, false);
      brush.strokeStyle = "rgba(255,255,255,.35)";
      brush.stroke();
      const left = line.map(project).filter((p) => p && p[0] > 0 && p[0] < 90);
      if (left.length) {
        const at = left.reduce((p, q) => (q[0] < p[0] ? q : p));
        if (at[1] > 26 && at[1] < height - 24) label(brush, `${d > 0 ? "+" : d < 0 ? "−" : ""}${round(Math.abs(d))}°`, 6, at[1] - 4, "left");
      }
    }
    label(brush, `${chart.frame.longitude} (${chart.frame.note})`, width - 8, height - 8, "right");
    label(brush, chart.frame.latitude, 6, 16, "left");
  }
  function draw() {
    let brush;
    [brush, width, height] = sized(canvas);
    if (!width || !height) return;
    aim();
    const look = colours();
    brush.fillStyle = look.unknown;
    brush.fillRect(0, 0, width, height);
    const reach = Math.atan(Math.hypot(width, height) / 2 / scale);
    for (const cell of map.all) {
      if (dot(cell.centre, centre) < Math.cos(Math.min(Math.PI, reach + cell.reach))) continue;
      cell.line = cell.line || corners(cell);
      if (!path(brush, cell.line, true)) continue;
      const colour = cell.value === null ? look.unknown
        : `rgb(${shade(Math.sqrt(cell.value / deepest)).join()})`;
      brush.fillStyle = colour;
      brush.strokeStyle = colour;
      brush.lineWidth = 0.7;
      brush.fill();
      brush.stroke();
    }
    graticule(brush);
    for (const [percent, dash] of [["50", []], ["90", [7, 5]]]) {
      for (const [ras, decs] of chart.contours[percent] || []) {
        const line = ras.map((a, i) => unitVector(a, decs[i]));
        line.push(line[0]);
        path(brush, line, false);
        outlined(brush, 1.6, dash);
      }
    }
    for (const [name, [a, d]] of Object.entries(chart.fits)) {
      const p = project(unitVector(a, d));
      if (!p || p[0] < 0 || p[0] > width || p[1] < 0 || p[1] > height) continue;
      brush.beginPath();
      brush.arc(...p, 5, 0, 2 * Math.PI);
      brush.fillStyle = "#e69f00";
      brush.fill();
      brush.strokeStyle = "#000000";
      brush.lineWidth = 1.2;
      brush.stroke();
      const right = p[0] > 0.6 * width;
      label(brush, name, p[0] + (right ? -9 : 9), p[1] + 4, right ? "right" : "left");
    }
    for (const [name, a, d] of chart.sources || []) {
      const p = project(unitVector(a, d));
      if (!p || p[0] < 0 || p[0] > width || p[1] < 0 || p[1] > height) continue;
      brush.beginPath();
      brush.moveTo(p[0], p[1] - 6); brush.lineTo(p[0] + 6, p[1] + 5); brush.lineTo(p[0] - 6, p[1] + 5);
      brush.closePath();
      brush.fillStyle = "#cc79a7";
      brush.fill();
      brush.strokeStyle = "#000000";
      brush.lineWidth = 1.2;
      brush.stroke();
      const right = p[0] > 0.6 * width;
      label(brush, name, p[0] + (right ? -9 : 9), p[1] + 4, right ? "right" : "left");
    }
    const p = project(unitVector(...chart.best));
    if (p) {
      brush.beginPath();
      brush.moveTo(p[0] - 8, p[1]); brush.lineTo(p[0] + 8, p[1]);
      brush.moveTo(p[0], p[1] - 8); brush.lineTo(p[0], p[1] + 8);
      outlined(brush, 2.2, []);
    }
    if (view.hover && path(brush, view.hover.line || corners(view.hover), true)) {
      outlined(brush, 1.4, []);
    }
  }
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop];
  };
  function zoomBy(factor) {
    if (factor === 0) Object.assign(view, { ra: chart.best[0], dec: chart.best[1], half: FIRST });
    else view.half = Math.min(60, Math.max(0.02, view.half * factor));
    draw();
  }
  let drag = null;
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (drag) {
      aim();
      const v = unproject(width / 2 + drag.x - x, height / 2 + drag.y - y);
      Object.assign(drag, { x, y });
      view.ra = ra(v);
      view.dec = Math.max(-89.9, Math.min(89.9, dec(v)));
      draw();
      return;
    }
    const v = unproject(x, y), cell = cellAt(map, v);
    out.textContent = describe(map, v);
    if (cell !== view.hover) { view.hover = cell; draw(); }
  });
  canvas.addEventListener("pointerleave", () => { view.hover = null; draw(); });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    const [x, y] = place(event);
    drag = { x, y };
    canvas.setPointerCapture(event.pointerId);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { drag = null; });
  canvas.addEventListener("dblclick", () => zoomBy(0));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = place(event), before = unproject(x, y);
    view.half = Math.min(60, Math.max(0.02, view.half * Math.exp(event.deltaY * 0.0015)));
    aim();
    const after = unproject(x, y); // what is under the pointer stays there
    view.ra = (view.ra + ra(before) - ra(after) + 720) % 360;
    view.dec = Math.max(-89.9, Math.min(89.9, view.dec + dec(before) - dec(after)));
    draw();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const factor = { "+": 1 / 1.5, "=": 1 / 1.5, "-": 1.5, "0": 0 }[event.key];
    if (factor !== undefined) zoomBy(factor);
  });
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoomBy(Number(button.dataset.zoom)));
  }
  return draw;
}

function makeSky(chart, map) {
  const canvas = byId("sky"), out = byId("sky-hover");
  const deepest = map.all.reduce((most, cell) => Math.max(most, cell.value || 0), 1e-9);
  byId("sky-scale").textContent = `Colour: 2Δllh from 0 (bright) to ${deepest.toFixed(1)} (dark).`;
  let width, height;
  const radius = () => Math.min((width - 4) / 2, height - 4);
  function project(a, d) { // Mollweide; RA 180 in the middle, growing to the left
    let t = d * RADIAN;
    const goal = Math.PI * Math.sin(t);
    if (Math.abs(d) > 89.9) t = Math.sign(d) * Math.PI / 2;
    else {
      for (let i = 0; i < 20; i += 1) {
        t -= (2 * t + Math.sin(2 * t) - goal) / (2 + 2 * Math.cos(2 * t) || 1e-9);
      }
    }
    const l = (((180 - a) % 360) + 540) % 360 - 180;
    return [width / 2 + radius() * l / 180 * Math.cos(t), height / 2 - radius() / 2 * Math.sin(t)];
  }
  function unproject(x, y) {
    const s = (height / 2 - y) / (radius() / 2);
    if (Math.abs(s) >= 1) return null;
    const t = Math.asin(s), l = (x - width / 2) / radius() / Math.cos(t) * 180;
    if (Math.abs(l) > 180) return null;
    return unitVector(180 - l, Math.asin((2 * t + Math.sin(2 * t)) / Math.PI) / RADIAN);
  }
  function polyline(brush, points) {
    brush.beginPath();
    let last = null;
    for (const [a, d] of points) {
      const p = project(a, d);
      if (last && Math.abs(p[0] - last[0]) < radius() / 2) brush.lineTo(...p); else brush.moveTo(...p);
      last = p;
    }
  }
  function draw() {
    let brush;
    [brush, width, height] = sized(canvas, 1.5);
    if (!width || !height) return;
    const ratio = canvas.width / width, image = brush.createImageData(canvas.width, canvas.height);
    const look = colours(), unknown = [150, 150, 150];
    for (let py = 0; py < canvas.height; py += 1) {
      for (let px = 0; px < canvas.width; px += 1) {
        const v = unproject((px + 0.5) / ratio, (py + 0.5) / ratio);
        if (!v) continue;
        const cell = cellAt(map, v);
        if (cell && !cell.rgb) {
          cell.rgb = cell.value === null ? unknown : shade(Math.sqrt(cell.value / deepest));
        }
        image.data.set([...(cell ? cell.rgb : unknown), 255], 4 * (py * canvas.width + px));
      }
    }
    // By way of another canvas: what putImageData draws is missing when the page is printed.
    const paper = document.createElement("canvas");
    [paper.width, paper.height] = [canvas.width, canvas.height];
    paper.getContext("2d").putImageData(image, 0, 0);
    brush.drawImage(paper, 0, 0, width, height);
    brush.lineWidth = 0.6;
    brush.strokeStyle = "rgba(255,255,255,.4)";
    const along = (n, low, high, f) => Array.from({ length: n + 1 }, (_, i) => f(low + (high - low) * i / n));
    for (let a = 30; a < 360; a += 30) { polyline(brush, along(60, -89, 89, (d) => [a, d])); brush.stroke(); }
    for (let d = -60; d <= 60; d += 30) { polyline(brush, along(120, 0.001, 359.999, (a) => [a, d])); brush.stroke(); }
    if (!chart.frame.is_local) polyline(brush, along(180, 0, 360, galactic));
    else brush.beginPath();
    brush.setLineDash([2, 4]);
    brush.strokeStyle = "rgba(255,255,255,.9)";
    brush.lineWidth = 1.2;
    brush.stroke();
    brush.setLineDash([]);
    brush.font = "11px system-ui, 'Liberation Sans', sans-serif";
    brush.textAlign = "center";
    brush.lineWidth = 2.5;
    brush.strokeStyle = "rgba(0,0,0,.7)";
    brush.fillStyle = "#ffffff";
    const text = (it, p) => { brush.strokeText(it, ...p); brush.fillText(it, ...p); };
    for (let a = 60; a < 360; a += 60) text(`${a}°`, project(a, -3.5));
    for (const d of [-60, -30, 30, 60]) text(`${d > 0 ? "+" : "−"}${Math.abs(d)}°`, project(330, d));
    const p = project(...chart.best);
    for (const [colour, wide] of [["#000000", 4], ["#ff7a2f", 2.2]]) {
      brush.beginPath();
      brush.arc(...p, 9, 0, 2 * Math.PI);
      brush.strokeStyle = colour;
      brush.lineWidth = wide;
      brush.stroke();
    }
    canvas.style.background = look.back;
  }
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const v = unproject(event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop);
    out.textContent = v ? describe(map, v) : "\u00a0";
  });
  return draw;
}

function galactic(l) { // of the galactic plane: longitude -> RA, Dec
  const POLE = [192.85948, 27.12825], NODE = 32.93192;
  const t = (l - NODE) * RADIAN, d = POLE[1] * RADIAN;
  const z = Math.cos(d) * Math.sin(t);
  const a = Math.atan2(Math.cos(t), -Math.sin(d) * Math.sin(t));
  return [(POLE[0] + a / RADIAN + 720) % 360, Math.asin(z) / RADIAN];
}

function makeScale(chart, deepest) {
  const canvas = byId("scale");
  return () => {
    const [brush, width] = sized(canvas), look = colours(), left = 8, wide = width - 60;
    for (let x = 0; x < wide; x += 1) {
      brush.fillStyle = `rgb(${shade(x / wide).join()})`;
      brush.fillRect(left + x, 4, 1.5, 14);
    }
    brush.font = "12px system-ui, 'Liberation Sans', sans-serif";
    brush.fillStyle = look.text;
    brush.textAlign = "center";
    const marks = [[0, "0"], [deepest, `≥ ${Number(deepest.toPrecision(3))}`]];
    for (const [percent, level] of Object.entries(chart.levels)) marks.push([level, `${percent} %: ${Number(level.toPrecision(3))}`]);
    for (const [value, text] of marks) {
      const x = left + wide * Math.sqrt(value / deepest), isLow = text.startsWith("90 %");
      brush.fillRect(x - 0.5, 4, 1, isLow ? 35 : 19);
      brush.fillText(text, Math.max(x, 10), isLow ? 52 : 36);
    }
  };
}

const held = byId("chart");
if (held) {
  const chart = JSON.parse(held.textContent), map = readChart(chart);
  const deepest = 6 * chart.levels["90"];
  const draws = [makeZoom(chart, map, deepest), makeScale(chart, deepest), makeSky(chart, map)];
  const drawAll = () => draws.forEach((draw) => draw());
  drawAll();
  let waiting = 0;
  window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 100); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  for (const when of ["beforeprint", "afterprint"]) window.addEventListener(when, drawAll);
}
