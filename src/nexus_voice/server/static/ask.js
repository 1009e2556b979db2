/** The server's JSON, or {error: {code, message}} whatever went wrong. */
export async function ask(url, options) {
  try {
    const response = await fetch(url, options);
    if (response.status === 204) return {};
    return await response.json();
  } catch {
    return { error: { code: "offline", message: "The server does not answer." } };
  }
}
