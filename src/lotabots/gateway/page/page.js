// Fills the page from /openapi.json. Text only ever becomes text: nothing here is parsed as HTML.
"use strict";

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// The schema with its references written out, to a depth that a person still reads.
function plain(schema, schemas, depth) {
  if (schema === null || typeof schema !== "object") return schema;
  if (Array.isArray(schema)) return schema.map((one) => plain(one, schemas, depth));
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return depth > 0 ? plain(schemas[name], schemas, depth - 1) : name;
  }
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, plain(value, schemas, depth)]));
}

function operation(method, path, described, schemas) {
  const box = element("details");
  const summary = element("summary");
  summary.append(element("span", method.toUpperCase(), "method"), element("code", path));
  const permissions = described["x-permissions"] || [];
  const who = (described.security || []).length ? permissions.join(", ") || "any user" : "anyone";
  summary.append(element("span", who, "permission"));
  box.append(summary, element("p", described.description || described.summary || ""));
  for (const parameter of described.parameters || []) {
    box.append(element("p", `${parameter.name} (${parameter.in}) ${parameter.description || ""}`));
  }
  const show = (title, content) => {
    for (const [type, { schema }] of Object.entries(content || {})) {
      if (!schema) continue;
      box.append(element("p", `${title}: ${type}`));
      box.append(element("pre", JSON.stringify(plain(schema, schemas, 3), null, 2)));
    }
  };
  // Only when it is opened: a long page is slow to make.
  box.addEventListener("toggle", () => {
    if (described.requestBody) show("Body", described.requestBody.content);
    for (const [status, answer] of Object.entries(described.responses || {})) {
      show(`Answer ${status}`, answer.content);
    }
  }, { once: true });
  box.dataset.words = `${method} ${path} ${who}`.toLowerCase();
  return box;
}

async function fill() {
  const answer = await fetch("/openapi.json");
  const api = await answer.json();
  const about = document.getElementById("about");
  if (!answer.ok) {
    about.textContent = api.message;
    return;
  }
  about.textContent = `Version ${api.info.version}. Send the header Authorization: Bearer TOKEN.`;
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths).sort()) {
    for (const [method, described] of Object.entries(item)) {
      const tag = (described.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, element("section"));
      groups.get(tag).append(operation(method, path, described, api.components.schemas));
    }
  }
  for (const [tag, section] of [...groups].sort()) {
    section.prepend(element("h2", tag));
    document.getElementById("operations").append(section);
  }
  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const box of document.querySelectorAll("details")) {
      box.hidden = !box.dataset.words.includes(wanted);
    }
  });
}

fill().catch((error) => {
  document.getElementById("about").textContent = `The description cannot be read: ${error}`;
});
