// Server-sent events by fetch, so that a token can go along. Comes back by itself, with the id of the last event; silence counts as an end.
const SILENCE_MS = 40000, RETRY_MS = 2000;

export const headers = () => {
  const token = sessionStorage.getItem("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
};

const parse = (block, event) => {
  const lines = { id: "", event: "", data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) lines[line.slice(0, at)] = line.slice(at + 2);
  }
  if (lines.data) event(lines.event, JSON.parse(lines.data), lines.id);
};

const read = async (url, last, alive, event, signal) => {
  const answer = await fetch(url, { headers: { ...headers(), ...(last ? { "Last-Event-ID": last } : {}) }, signal, cache: "no-store" });
  if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) parse(block, event);
  }
};

// Returns what ends it. `state` is told "wait", "on" and "off"; `refused` a status.
export const open = (url, { event, state, refused }) => {
  let last = "", ended = false, control = new AbortController();
  const run = async () => {
    state("wait");
    while (!ended) {
      let timer;
      control = new AbortController();
      const alive = () => { state("on"); clearTimeout(timer); timer = setTimeout(() => control.abort(), SILENCE_MS); };
      try {
        await read(url, last, alive, (name, data, id) => { last = id; event(name, data); }, control.signal);
      } catch (error) {
        if (error.status === 401 || error.status === 403) { clearTimeout(timer); refused(error.status); return; }
      }
      clearTimeout(timer);
      if (ended) return;
      state("off");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  };
  run();
  return () => { ended = true; control.abort(); };
};
