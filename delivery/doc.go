// Package delivery brings stored events to their destinations: it knows what is
// due, makes attempts, learns from them how each destination fares, and writes down
// what became of every delivery.
//
// A delivery:
//
//	      arrival                        arrival that is not wanted
//	         │                                        │
//	         ▼                                        ▼
//	      pending ────── 2xx ──────► delivered     ignored
//	      │  ▲ ▲ ▲                       │
//	other │  │ │ └─────── replay ────────┘
//	      └──┘ │
//	      │    └ retry, recover, a copy ─┐
//	      │                              │
//	      └─ 410, schedule used up, ──► dead
//	         time is up, payload gone or
//	         unusable, destination withdrawn
//
// There is no state for a delivery in an attempt: after a crash it is pending, and
// is attempted again.
//
// A destination:
//
//	           5 attempts in a row without a verdict,
//	           at 3 events or more
//	up ─────────────────────────────────────────────► down
//	▲  attempts by schedule,               one probe at a time,
//	│  each one counts                     after 1s 2s 4s … 30s, 30s;
//	│                                      none counts
//	└──────────────────── verdict ─────────────────────┘
//	           what has waited is due now, oldest
//	           first, 1 2 4 … at once
//
// Whether up or down, it is left alone while it is held (it has asked for that),
// paused (an operator has) or parked (no configuration has it, nor its directory). A verdict is an
// answer by which the destination has decided on the event: [Outcomes] is the table.
//
// An event that has just been accepted is handed over in memory, within bounds. The
// store is read only for what is due later, for what was beyond the bounds, and for
// what an earlier process left. Each destination has a lane for either, so that
// fresh events do not wait behind a backlog.
//
// If several gateways share the store, each attempts what it has claimed: what has just
// arrived at it, and what it reads. What it has claimed and does not come to soon it
// gives back, and what one has that dies others claim once its lease is over.
package delivery
