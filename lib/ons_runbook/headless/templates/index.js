// Filters over the list, which reads well without them. The choice stays in the address, so that it can be kept.
const filters = document.querySelector(".filters");
const selects = [...filters.querySelectorAll("select")];
const rows = [...document.querySelectorAll("tr[data-verdict]")];
const none = document.querySelector(".none");
function apply() {
  let shown = 0;
  for (const row of rows) {
    row.hidden = selects.some((select) => select.value && row.dataset[select.name] !== select.value);
    shown += row.hidden ? 0 : 1;
  }
  none.hidden = shown > 0;
  document.querySelector(".shown").textContent = shown === rows.length ? "" : `${shown} shown`;
}
const chosen = new URLSearchParams(location.hash.slice(1));
for (const select of selects) {
  select.value = chosen.get(select.name) || "";
  if (select.selectedIndex < 0) select.value = "";
  select.addEventListener("change", () => {
    const kept = new URLSearchParams(selects.filter((s) => s.value).map((s) => [s.name, s.value]));
    history.replaceState(null, "", "#" + kept);
    apply();
  });
}
filters.hidden = rows.length < 2;
apply();
