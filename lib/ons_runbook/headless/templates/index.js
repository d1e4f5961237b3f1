// Filters, the calendar and the rows that are looked at, from the data in the page; it reads well without them.
// The choice stays in the address, so that it can be kept. Text only ever becomes text: no markup is made of it.
const data = JSON.parse(document.getElementById("data").textContent);
const [VERDICT, PROCEDURE, TITLE, PLATFORM, HEADLINE, PROBLEM, STARTED, SECONDS, LINK] = data.rows[0] ? data.rows[0].keys() : [];
const { words, rows, plain, glyphs, marks } = data;
const DAY = 86400;
const STEP = 100;
const severity = Object.keys(marks);
const find = (selector) => document.querySelector(selector);
const iso = (day) => new Date(day * DAY * 1000).toISOString().slice(0, 10);
const dayOf = (row) => Math.floor(row[STARTED] / DAY);
const titles = new Map();
for (const row of rows) if (!titles.has(row[PROCEDURE])) titles.set(row[PROCEDURE], words[row[TITLE]]);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function took(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function tableRow(row) {
  const cell = (kind, ...children) => element("td", { role: "cell", class: kind }, ...children);
  const verdict = words[row[VERDICT]];
  const title = words[row[TITLE]];
  const when = new Date(row[STARTED] * 1000).toISOString();
  const problem = words[row[PROBLEM]];
  const pill = element("span", { class: `verdict ${verdict}` }, element("span", { "aria-hidden": "true" }, `${glyphs[verdict]} `), verdict);
  return element("tr", { role: "row" },
    cell("", pill),
    cell("title", row[LINK] ? element("a", { href: row[LINK] }, title) : title),
    cell("found", words[row[HEADLINE]], ...(problem ? [element("br"), element("span", { class: "muted" }, problem)] : [])),
    cell("muted small", words[row[PLATFORM]]),
    cell("muted small when", element("time", { datetime: when }, `${when.slice(0, 10)} ${when.slice(11, 16)} UTC`)),
    cell("muted small took", took(row[SECONDS])));
}

function start() {
  const controls = [...document.querySelectorAll(".filters select, .filters input")];
  const control = Object.fromEntries(controls.map((each) => [each.name, each]));
  const body = find(".runs tbody");
  const more = find("button[name=more]");
  const narrow = matchMedia("(max-width: 40rem)");
  const newestDay = rows.reduce((day, row) => Math.max(day, dayOf(row)), 0);
  const oldestDay = rows.reduce((day, row) => Math.min(day, dayOf(row)), newestDay);
  let lastDay = newestDay;
  let found = rows;
  let shown = Math.min(plain, rows.length);

  // Which words a choice allows is settled once for each word, not for each run.
  function allowed(name, test) {
    return control[name].value ? new Set(words.flatMap((word, number) => (test(word, control[name].value) ? [number] : []))) : null;
  }
  function matching(byCalendar) {
    const same = (word, value) => word === value;
    const procedures = allowed("procedure", same);
    const platforms = allowed("platform", same);
    const kept = rows.filter((row) => (!procedures || procedures.has(row[PROCEDURE])) && (!platforms || platforms.has(row[PLATFORM])));
    if (byCalendar) return kept;
    const verdicts = allowed("verdict", (word, value) => (value === "not pass" ? word !== "pass" : word === value));
    const sought = control.text.value.trim().toLowerCase();
    const saying = sought && allowed("text", (word) => word.toLowerCase().includes(sought));
    const day = control.day.value ? Date.parse(control.day.value) / 1000 / DAY : null;
    return kept.filter((row) => (!verdicts || verdicts.has(row[VERDICT])) && (day === null || dayOf(row) === day) &&
      (!saying || saying.has(row[HEADLINE]) || saying.has(row[PROBLEM]) || saying.has(row[TITLE])));
  }

  function list() {
    body.replaceChildren(...found.slice(0, shown).map(tableRow));
    say();
  }
  function say() {
    const all = found.length === rows.length;
    const count = `${found.length.toLocaleString("en")} ${all ? "runs" : "found"}`;
    find(".shown").textContent = shown < found.length ? `${count}, the newest ${shown} shown` : all ? "" : count;
    find("p.none").hidden = found.length > 0;
    more.hidden = shown >= found.length;
    more.textContent = `Show ${Math.min(STEP, found.length - shown)} more`;
  }

  function calendar() {
    const span = narrow.matches ? 7 : 28;
    const first = lastDay - span + 1;
    const worst = new Map();
    for (const row of matching(true)) {
      const day = dayOf(row);
      if (day < first || day > lastDay) continue;
      if (!worst.has(row[PROCEDURE])) worst.set(row[PROCEDURE], new Map());
      const days = worst.get(row[PROCEDURE]);
      const [rank, count] = days.get(day) || [severity.length, 0];
      days.set(day, [Math.min(rank, severity.indexOf(words[row[VERDICT]])), count + 1]);
    }
    const days = Array.from({ length: span }, (_, n) => first + n);
    const chosen = control.day.value;
    const press = (day, procedure, attributes, text) => {
      const pressed = iso(day) === chosen && (!procedure || procedure === control.procedure.value);
      return element("button", { type: "button", "data-day": iso(day), "data-procedure": procedure, "aria-pressed": pressed, ...attributes }, text);
    };
    const head = days.map((day) => {
      const date = new Date(day * DAY * 1000);
      const name = date.toLocaleDateString("en", { weekday: "short", timeZone: "UTC" });
      const label = `${name} ${iso(day)}`;
      return element("th", { scope: "col" }, press(day, "", { "aria-label": label, title: label }, String(date.getUTCDate())));
    });
    find(".calendar thead").replaceChildren(element("tr", {}, element("td"), ...head));
    const named = [...worst].map(([number, cells]) => [titles.get(number), words[number], cells]);
    named.sort(([a, b], [c, d]) => a.localeCompare(c) || b.localeCompare(d));
    find(".calendar tbody").replaceChildren(...named.map(([title, procedure, cells]) =>
      element("tr", {}, element("th", { scope: "row", title: procedure }, title), ...days.map((day) => {
        if (!cells.has(day)) return element("td");
        const [rank, count] = cells.get(day);
        const label = `${iso(day)} ${title}: ${severity[rank]}, ${count} run${count === 1 ? "" : "s"}`;
        return element("td", {}, press(day, procedure, { class: severity[rank], "aria-label": label, title: label }, marks[severity[rank]]));
      }))));
    find(".calendar h3").textContent = `${iso(first)} to ${iso(lastDay)}`;
    find("button[name=earlier]").disabled = first <= oldestDay;
    find("button[name=later]").disabled = lastDay >= newestDay;
  }

  function apply() {
    found = matching(false);
    shown = Math.min(STEP, found.length);
    list();
    calendar();
  }
  function keep() {
    const kept = new URLSearchParams(controls.filter((each) => each.value).map((each) => [each.name, each.value]));
    history.replaceState(null, "", "#" + kept);
    apply();
  }
  function turn(days) {
    lastDay = Math.min(newestDay, lastDay + days);
    calendar();
  }

  const chosen = new URLSearchParams(location.hash.slice(1));
  for (const each of controls) {
    each.value = chosen.get(each.name) || "";
    if (each.selectedIndex < 0) each.value = "";
    each.addEventListener("input", keep);
  }
  if (control.day.value) lastDay = Math.max(oldestDay, Math.min(newestDay, Date.parse(control.day.value) / 1000 / DAY + 3));
  find(".calendar table").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const again = button.getAttribute("aria-pressed") === "true";
    control.day.value = again ? "" : button.dataset.day;
    control.procedure.value = again ? "" : button.dataset.procedure || control.procedure.value;
    keep();
    const same = [...document.querySelectorAll(".calendar table button")].find(
      (each) => each.dataset.day === button.dataset.day && each.dataset.procedure === button.dataset.procedure);
    if (same) same.focus();
  });
  find("button[name=earlier]").addEventListener("click", () => turn(narrow.matches ? -7 : -28));
  find("button[name=later]").addEventListener("click", () => turn(narrow.matches ? 7 : 28));
  find("button[name=clear]").addEventListener("click", () => {
    for (const each of controls) each.value = "";
    keep();
  });
  more.addEventListener("click", () => {
    const next = found.slice(shown, shown + STEP).map(tableRow);
    body.append(...next);
    shown += next.length;
    say();
    const link = next[0] && next[0].querySelector("a");
    if (link) link.focus();
  });
  narrow.addEventListener("change", calendar);
  find(".filters").hidden = rows.length < 2;
  find(".calendar").hidden = false;
  if (controls.some((each) => each.value)) apply();
  else {
    calendar();
    say();
  }
}

if (rows.length) start();
