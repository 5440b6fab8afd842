(() => {
  "use strict";
  const report = document.querySelector(".cf");
  const form = report.querySelector(".cf-filters");
  const said = document.getElementById("cf-said");

  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.setAttribute("readonly", "");
      area.style.cssText = "position:fixed;top:0;opacity:0";
      document.body.append(area);
      area.select();
      let done = false;
      try { done = document.execCommand("copy"); } catch { /* told below */ }
      area.remove();
      return done;
    }
  };
  report.querySelectorAll(".cf-copy").forEach((button) => { button.hidden = false; });
  report.addEventListener("click", async (event) => {
    const button = event.target.closest(".cf-copy");
    if (!button) return;
    const code = button.parentElement.querySelector("code");
    const done = await copied(code.textContent);
    if (!done) getSelection().selectAllChildren(code);
    button.dataset.label ??= button.textContent;
    button.textContent = said.textContent = done ? "Copied" : "Selected: press Ctrl+C";
    setTimeout(() => { button.textContent = button.dataset.label; said.textContent = ""; }, 2000);
    button.focus();
  });

  addEventListener("beforeprint", () => {
    report.querySelectorAll("details.cf-row:not([open])").forEach((row) => { row.open = true; row.dataset.printed = ""; });
  });
  addEventListener("afterprint", () => {
    report.querySelectorAll("[data-printed]").forEach((row) => { row.open = false; delete row.dataset.printed; });
  });
  if (!form) return;

  const rows = [...report.querySelectorAll(".cf-row")];
  const chips = [...form.querySelectorAll(".cf-chip")];
  const toggle = form.querySelector(".cf-toggle");
  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };
  const filter = () => {
    const outcomes = new Set(chips.filter((chip) => chip.ariaPressed === "true").map((chip) => chip.dataset.outcome));
    const { chapter, profile, text } = Object.fromEntries(new FormData(form));
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = (!outcomes.size || outcomes.has(row.dataset.outcome))
        && (!chapter || chapter === row.dataset.chapter)
        && (!profile || profile === row.dataset.profile)
        && words.every((word) => textOf(row).includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    report.querySelectorAll(".cf-group").forEach((group) => { group.hidden = !group.querySelector(".cf-row:not([hidden])"); });
    form.querySelector(".cf-shown").textContent = `${shown} of ${rows.length} clauses shown`;
    report.querySelector(".cf-none").hidden = shown > 0;
  };
  let due = 0;
  form.addEventListener("input", () => { clearTimeout(due); due = setTimeout(filter, 80); });
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => {
    chips.forEach((chip) => { chip.ariaPressed = "false"; });
    setTimeout(filter);
  });
  chips.forEach((chip) => chip.addEventListener("click", () => {
    chip.ariaPressed = chip.ariaPressed === "true" ? "false" : "true";
    filter();
  }));
  toggle.addEventListener("click", () => {
    const opens = toggle.textContent === "Open all";
    report.querySelectorAll("details.cf-row").forEach((row) => { row.open = opens; });
    toggle.textContent = opens ? "Close all" : "Open all";
  });
  const fromHash = () => {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!rows.includes(row)) return;
    if (row.hidden) {
      form.reset();
      filter();
    }
    if (row.tagName === "DETAILS") row.open = true;
    row.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", fromHash);
  if (!report.querySelector("details.cf-row")) toggle.hidden = true;
  form.hidden = false;
  filter();
  fromHash();
})();
