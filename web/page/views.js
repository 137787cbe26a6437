// @ts-check
// The views by name: what each is called, the key that shows it, what draws it. One that stands `alone` needs no capture.

/** @type {Record<string, {title: string, key?: string, what?: string, draw: () => Promise<any>, alone?: boolean, says?: () => Bag}>} */
const VIEWS = {
  diagnosis: { title: "Diagnosis", key: "d", what: "what failed and what to do", draw: diagnosis },
  connections: { title: "Connections", key: "c", what: "connections", draw: list },
  frames: { title: "Frames", draw: list },
  messages: { title: "Messages", draw: list },
  chat: { title: "Conversation", key: "f", what: "the conversation of the connection", draw: chat },
  ladder: { title: "Ladder", key: "l", what: "the ladder of the connection", draw: ladder },
  graph: { title: "Graph", key: "I", what: "bytes, frames and round trips over time", draw: graph },
  ruler: { title: "Bits", key: "b", what: "the frame's header as RFC 6455 draws it, and the masking", draw: ruler },
  findings: { title: "Findings", key: "e", what: "findings", draw: list },
  compare: { title: "Compare", key: "V", what: "compare with another capture, or two connections", draw: compare },
  statistics: { title: "Statistics", key: "S", what: "statistics", draw: statistics },
  explain: { title: "Explain", key: "E", what: "explain a frame, a head, a code or a name", draw: explain, alone: true, says: () => ({ text: typed }) },
  labs: { title: "Labs", key: "L", what: "labs: questions with answers that are checked", draw: labs, alone: true },
  export: { title: "Take away", key: "s", what: "take away: NDJSON, CSV, HAR, pcapng, a report", draw: taking },
};
const LISTS = ["connections", "frames", "messages", "findings"];
const isList = () => LISTS.includes(state.view);

for (const [name, view] of Object.entries(VIEWS)) {
  $("views").append(button(view.title, () => show(name), { role: "tab", id: `tab-${name}`, "aria-controls": "main", "aria-selected": false, disabled: !view.alone, tabindex: -1 }));
}

async function show(/** @type {string} */ name) {
  if (!VIEWS[name]) name = "diagnosis";
  state.view = name;
  for (const [other, view] of Object.entries(VIEWS)) {
    const tab = $(`tab-${other}`);
    tab.disabled = !state.name && !view.alone;
    tab.setAttribute("aria-selected", String(other === name));
    tab.tabIndex = other === name ? 0 : -1;
  }
  $("welcome").hidden = true;
  $("panes").hidden = !isList();
  $("view").hidden = isList();
  $("view").setAttribute("aria-labelledby", `tab-${name}`);
  await VIEWS[name].draw();
  remember();
}
