// Requests to the server. Numbers that JavaScript cannot hold stay the digits that were sent.

export class ApiError extends Error {
  constructor(status, error) {
    super(error?.text ?? `the server answered ${status}`);
    Object.assign(this, { status, position: error?.position, hint: error?.hint });
  }
}

const whole = (key, value, context) =>
  typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && context ? context.source : value;

async function answered(response) {
  const text = await response.text();
  let told = {};
  try {
    told = JSON.parse(text, whole);
  } catch {
    if (response.ok) throw new ApiError(response.status, { text: "an answer that cannot be read" });
  }
  if (!response.ok) throw new ApiError(response.status, told.error);
  return told;
}

export function address(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given).toString();
  return `/api/${path}${query ? "?" + query : ""}`;
}

export async function get(path, parameters, signal) {
  return answered(await fetch(address(path, parameters), { signal }));
}

export async function post(path, body, parameters, signal) {
  return answered(await fetch(address(path, parameters), { method: "POST", body, signal }));
}

export async function remove(path) {
  return answered(await fetch(address(path), { method: "DELETE" }));
}
