(() => {
  const en = document.getElementById("lang-en"), zh = document.getElementById("lang-zh");
  const apply = () => { document.documentElement.lang = zh && zh.checked ? "zh" : "en"; };
  if (en && zh) {
    const wanted = new URLSearchParams(location.search).get("lang") || navigator.language || "en";
    if (/^zh/i.test(wanted)) zh.checked = true;
    en.addEventListener("change", apply);
    zh.addEventListener("change", apply);
    apply();
  }
  const open = () => {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (place instanceof HTMLDetailsElement) place.open = true;
  };
  addEventListener("hashchange", open);
  open();
  addEventListener("keydown", (e) => {
    if (e.key === "Escape" && document.activeElement) document.activeElement.blur();
  });
})();
