// Charts come compressed, with the library that draws them, so that one file of bearable size opens offline. Where
// they cannot be drawn, the words that stand for them stay open.
async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}
const dark = matchMedia("(prefers-color-scheme: dark)");
function coloured(layout, printing) {
  const isDark = dark.matches && !printing;
  const line = isDark ? "#343c45" : "#e3e7eb";
  const clear = "rgba(0,0,0,0)";
  const copy = structuredClone(layout || {});
  Object.assign(copy, { paper_bgcolor: clear, plot_bgcolor: clear, autosize: true, width: undefined });
  copy.font = Object.assign({ family: "system-ui, sans-serif" }, copy.font, { color: isDark ? "#e4e8ec" : "#1d2329" });
  for (const key of new Set(["xaxis", "yaxis", ...Object.keys(copy).filter((k) => /^[xy]axis\d*$/.test(k))])) {
    copy[key] = Object.assign({}, copy[key], { gridcolor: line, zerolinecolor: line, linecolor: line });
  }
  return copy;
}
async function draw() {
  const [library, figures] = await Promise.all([unpacked("plotly-packed"), unpacked("figures-packed")]);
  const script = document.createElement("script");
  script.textContent = library;
  document.head.append(script);
  const charts = JSON.parse(figures);
  const paint = (printing) =>
    Promise.all(
      charts.map((figure, number) => {
        const place = document.getElementById("chart-" + number);
        const options = { responsive: true, displaylogo: false, displayModeBar: printing ? false : "hover" };
        return window.Plotly.react(place, figure.data || [], coloured(figure.layout, printing), options);
      })
    );
  await paint(false);
  for (const details of document.querySelectorAll(".chart details")) details.open = false;
  dark.addEventListener("change", () => paint(false));
  addEventListener("beforeprint", () => paint(true));
  addEventListener("afterprint", () => paint(false));
  document.documentElement.dataset.charts = "drawn";
}
if (document.getElementById("figures-packed")) {
  draw().catch((problem) => {
    document.documentElement.dataset.charts = "failed: " + problem;
  });
}
