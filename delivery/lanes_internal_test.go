package delivery

import "testing"

func TestPick(t *testing.T) {
	const none = lanesN
	for name, test := range map[string]struct {
		concurrency, width       int
		fresh, backlog           int // running
		freshWaits, backlogWaits bool
		last, want               lane
	}{
		"nothing waits":                    {16, 16, 0, 0, false, false, fresh, none},
		"no slot":                          {16, 16, 8, 8, true, true, fresh, none},
		"fresh alone takes all":            {16, 1, 15, 0, true, false, fresh, fresh},
		"backlog alone takes its width":    {16, 4, 0, 3, false, true, fresh, backlog},
		"backlog alone, width used up":     {16, 4, 0, 4, false, true, fresh, none},
		"backlog alone takes all":          {16, 16, 0, 15, false, true, fresh, backlog},
		"both, backlog below its share":    {16, 16, 3, 7, true, true, fresh, backlog},
		"both, backlog at its share":       {16, 16, 3, 8, true, true, fresh, fresh},
		"both, backlog above its share":    {16, 16, 0, 12, true, true, fresh, fresh},
		"both, narrow":                     {16, 2, 3, 2, true, true, fresh, fresh},
		"both, narrow, below":              {16, 2, 3, 1, true, true, fresh, backlog},
		"both, two slots":                  {2, 2, 0, 1, true, true, fresh, fresh},
		"both, two slots, fresh has one":   {2, 2, 1, 0, true, true, fresh, backlog},
		"both, three slots":                {3, 2, 0, 1, true, true, fresh, fresh},
		"one slot, both, fresh was last":   {1, 1, 0, 0, true, true, fresh, backlog},
		"one slot, both, backlog was last": {1, 1, 0, 0, true, true, backlog, fresh},
		"one slot, fresh alone again":      {1, 1, 0, 0, true, false, fresh, fresh},
		"one slot, backlog alone again":    {1, 1, 0, 0, false, true, backlog, backlog},
		"width beyond a lower concurrency": {4, 16, 0, 3, false, true, fresh, backlog},
		"more in flight than there may be": {4, 16, 9, 9, true, true, fresh, none},
	} {
		t.Run(name, func(t *testing.T) {
			l := lanes{width: test.width, last: test.last}
			running := [lanesN]int{fresh: test.fresh, backlog: test.backlog}
			got, ok := l.pick(test.concurrency, &running, test.freshWaits, test.backlogWaits)
			if !ok {
				got = none
			}
			if got != test.want {
				t.Errorf("lane %d; want %d", got, test.want)
			}
		})
	}
}

// TestProbeTakesASlot: also the last probe of a destination that has just come up.
func TestProbeTakesASlot(t *testing.T) {
	l := lanes{width: 1}
	if which, ok := l.pick(1, &[lanesN]int{probe: 1}, true, true); ok {
		t.Errorf("lane %d got a second slot of one", which)
	}
}

// TestWidth: v is a verdict, f a failure, n a new beginning.
func TestWidth(t *testing.T) {
	for attempts, want := range map[string]int{
		"n": 1, "nv": 2, "nvv": 2, "nvvv": 4, "nvvvvvvv": 8, "nvvvvvvvvvvvvvvv": 10, "nvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv": 10,
		"nf": 1, "nvf": 1, "nvvvf": 2, "nvvvfv": 2, "nvvvfvv": 4, "nvvvfff": 1, "nvvvvvfv": 2, "nvvvvvvvn": 1,
	} {
		t.Run(attempts, func(t *testing.T) {
			var l lanes
			for _, c := range attempts {
				switch c {
				case 'n':
					l.narrow()
				case 'v':
					l.widen(10)
				case 'f':
					l.halve()
				}
			}
			if l.width != want {
				t.Errorf("width %d; want %d", l.width, want)
			}
		})
	}
}
