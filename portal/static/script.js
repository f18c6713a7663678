// What the script does, pages do without it, with more clicks: it signs in who has followed
// a link, shows times in the reader's own, copies, and polls the page it is on.
"use strict";

const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function dress(root) {
	for (const t of root.querySelectorAll("time[datetime]")) {
		const at = new Date(t.dateTime);
		if (!isNaN(at)) t.textContent = zone.format(at);
	}
	for (const input of root.querySelectorAll("input[type=hidden][data-zone]")) {
		input.value = String(new Date().getTimezoneOffset());
	}
	for (const code of root.querySelectorAll("[data-copy]")) {
		if (!navigator.clipboard || code.nextElementSibling?.matches(".copier")) continue;
		const button = document.createElement("button");
		button.type = "button";
		button.className = "quiet copier";
		button.textContent = "Copy";
		button.addEventListener("click", async () => {
			await navigator.clipboard.writeText(code.textContent);
			button.textContent = "Copied";
			setTimeout(() => { button.textContent = "Copy"; }, 1500);
		});
		code.after(button);
	}
}

// A link's code is in the fragment. It is exchanged for a session, and leaves the address.
async function signIn(form) {
	const key = new URLSearchParams(location.hash.slice(1)).get("key");
	if (!key) return;
	history.replaceState(null, "", location.pathname + location.search);
	const problem = document.querySelector("[data-login-problem]");
	try {
		const bytes = Uint8Array.from(atob(key.replaceAll(" ", "+")), c => c.charCodeAt(0));
		const { oneTimeToken } = JSON.parse(new TextDecoder().decode(bytes));
		const answer = await fetch("/api/v1/auth/one-time-token", {
			method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ oneTimeToken }),
		});
		if (!answer.ok) throw new Error(answer.statusText);
		location.replace(form.elements.next.value);
	} catch {
		problem.hidden = false;
	}
}

// A page with a part that changes asks now and then whether it has: with the tag of what it
// has, so that no news is a short answer. It asks less often the longer nothing happens,
// and not at all while nobody looks.
const soon = 3000, seldom = 30000;

function poll() {
	const parts = () => document.querySelectorAll("[data-poll]");
	if (!parts().length) return;
	let tag = "", wait = soon, timer = 0;
	const ask = async () => {
		timer = 0;
		if (document.hidden) return;
		try {
			const headers = { "Accept": "text/html" };
			if (tag) headers["If-None-Match"] = tag;
			const answer = await fetch(location.href, { headers, cache: "no-store", redirect: "error" });
			wait = Math.min(wait * 1.3, seldom);
			if (answer.status === 200) {
				tag = answer.headers.get("ETag") || "";
				if (update(await answer.text(), parts())) wait = soon;
			} else if (answer.status !== 304) {
				wait = seldom;
			}
		} catch {
			wait = seldom;
		}
		timer = setTimeout(ask, wait);
	};
	timer = setTimeout(ask, wait);
	document.addEventListener("visibilitychange", () => {
		if (!document.hidden && !timer) ask();
	});
}

// update puts in what has changed, and leaves alone where somebody is typing or selecting.
function update(text, parts) {
	const page = new DOMParser().parseFromString(text, "text/html");
	let changed = false;
	for (const part of parts) {
		const fresh = page.getElementById(part.id);
		if (!fresh || part.dataset.was === fresh.outerHTML) continue;
		if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) continue;
		const open = new Set([...part.querySelectorAll("details[open][id]")].map(d => d.id));
		const focus = part.contains(document.activeElement) ? document.activeElement.id || document.activeElement.getAttribute("href") : "";
		const was = fresh.outerHTML;
		if ("was" in part.dataset) changed = true;
		fresh.dataset.was = was;
		for (const d of fresh.querySelectorAll("details[id]")) d.open ||= open.has(d.id);
		dress(fresh);
		part.replaceWith(fresh);
		if (focus) [...fresh.querySelectorAll("[id], a[href]")].find(e => e.id === focus || e.getAttribute("href") === focus)?.focus();
	}
	return changed;
}

// Fields that filter a list of choices beside them.
function filters() {
	for (const input of document.querySelectorAll("input[data-filter]")) {
		input.hidden = false;
		input.addEventListener("input", () => {
			const wanted = input.value.trim().toLowerCase();
			for (const row of document.querySelectorAll(input.dataset.filter)) {
				row.hidden = !row.textContent.toLowerCase().includes(wanted);
			}
		});
	}
}

dress(document);
filters();
document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
const login = document.querySelector("form[data-login]");
if (login) signIn(login); else poll();
