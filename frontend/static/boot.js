// Runs before the first paint: the stored theme, then the module. Everything else is in the module.
(() => {
  let theme = "system";
  try {
    theme = localStorage.getItem("sidecarta.theme") ?? theme;
  } catch {
    // Storage is switched off: the system's theme it is.
  }
  document.documentElement.dataset.theme = theme;
  addEventListener("DOMContentLoaded", () => {
    import("/sidecarta.js")
      .then((module) => module.default({ module_or_path: "/sidecarta_bg.wasm" }))
      .catch((error) => {
        const words = document.getElementById("loading-words");
        if (words) words.textContent = "The dashboard could not be loaded. Reload the page to try again. (" + error + ")";
      });
  });
})();
