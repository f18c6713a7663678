// Package portal serves the pages on which consumers help themselves, and operators see
// what came in.
//
// One table of routes is the whole surface, as in package api: a row says whose sessions
// may ask for a page, and which function makes it. A function of a visit reads what the
// page shows from package sender, or changes something and says where to go on; it
// writes nothing itself. Pages are templates in pages/, with one stylesheet and one script
// beside them in static/. They work without the script, which only spares clicks and
// waiting: it polls the page it is on with a conditional request. What those who poll the
// same page get is made once a second; who opens a page gets it as it is.
//
// A session is a token of an audience of its own, in a cookie. So it ends as tokens of the
// API do: by itself, revoked, or with all of its application. Nothing else is kept of it.
//
// play is a temporary inbox, whose tables are the package's own.
package portal
