// Addresses: `#/view/argument?key=value`, so that everything that can be seen can be linked to, also from a file.

export interface Place {
  view: string;
  argument: string;
  params: URLSearchParams;
}

export function place(): Place {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view = "", argument = ""] = path.split("/");
  return { view, argument, params: new URLSearchParams(query) };
}

export function address(view: string, params: Record<string, string | number | null> = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value !== null && value !== "") query.set(key, String(value));
  const text = query.toString();
  return `#/${view}${text ? `?${text}` : ""}`;
}

let waiting = 0;

/** Keep what the controls say in the address, without a step in the history; browsers refuse too many changes. */
export function remember(hash: string): void {
  clearTimeout(waiting);
  const at = place();
  waiting = window.setTimeout(() => {
    const now = place(); // another view may have been opened meanwhile
    if (now.view === at.view && now.argument === at.argument) history.replaceState(null, "", hash);
  }, 150);
}

export function number(params: URLSearchParams, key: string, otherwise: number, lowest: number, highest: number): number {
  const value = Number(params.get(key) ?? NaN);
  return Number.isFinite(value) ? Math.min(highest, Math.max(lowest, value)) : otherwise;
}
