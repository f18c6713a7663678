// Package dedupe remembers, in memory, which webhook events are being handled
// and which have been, so that of many copies of an event one is passed on.
//
// An event is claimed before it is handled, and its claim is settled after:
//
//	          Claim               Commit
//	unknown ─────────► in flight ─────────► remembered
//	   ▲                │  │  ▲                 │
//	   ├─── Release ────┘  └──┘ Release, while  │
//	   │                        a copy waits:   │
//	   │                        it takes over   │
//	   └─ the window is over, or room is needed ┘
//
// The second step is what tells it from a set of seen ids: an event counts as
// handled when it has been, not when its handling began, so the retry of one
// that failed gets through. Between the two steps a copy can be told neither
// "duplicate" nor "new", and waits.
//
// The memory is only as honest as what is put in: claim an event after its
// signature has been verified, by a [Key] of what the signature covers.
package dedupe
