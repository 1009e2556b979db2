// What the user chose, kept by this browser.

const KEPT = "nexus-settings";

export function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

export function keep(choices) {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ ...kept(), ...choices }));
  } catch {
    // a browser that keeps nothing forgets it with the page
  }
}
