package main

import (
	"math"
	"strings"
	"testing"
)

// Each figure has to reach its own row and column, and its own goal.
func TestTable(t *testing.T) {
	r := results{
		plain:   {{rate: 1000, p50: 1, p95: 2, p99: 10, cpu: 100}, {rate: 500, p50: 1, p95: 2, p99: 20, cpu: 100}},
		marked:  {{rate: 960, p50: 2, p95: 3, p99: 12, cpu: 120}, {rate: 480, p50: 2, p95: 3, p99: 24, cpu: 120}},
		gateway: {{rate: 900, p50: 3, p95: 4, p99: 11, cpu: 110}, {rate: 450, p50: 3, p95: 4, p99: 22, cpu: 110}},
		forged:  {{rate: 1800, p50: 5, p95: 6, p99: 7, cpu: 55}, {rate: 900, p50: 5, p95: 6, p99: 7, cpu: 55}},
	}
	holdGoals(t, r.goals(), map[string]float64{
		"gateway/plain req/s": 0.9, "gateway/plain p99": 1.1, "forged/gateway req/s": 2,
		"gateway/plain CPU": 1.1, "forged/gateway CPU": 0.5, "gateway/marked req/s": 0.9375, "gateway/marked CPU": 110.0 / 120,
	})
	holdRows(t, r, []string{plain, marked, gateway, forged}, []column{rate, p50, p95, p99, cpu},
		"plain 750 [500 1000] 1.00 [1.00 1.00] 2.00 [2.00 2.00] 15.00 [10.00 20.00] 100.0 [100.0 100.0]",
		"marked 720 [480 960] 2.00 [2.00 2.00] 3.00 [3.00 3.00] 18.00 [12.00 24.00] 120.0 [120.0 120.0]",
		"gateway 675 [450 900] 3.00 [3.00 3.00] 4.00 [4.00 4.00] 16.50 [11.00 22.00] 110.0 [110.0 110.0]",
		"forged 1350 [900 1800] 5.00 [5.00 5.00] 6.00 [6.00 6.00] 7.00 [7.00 7.00] 55.0 [55.0 55.0]",
	)
}

func TestStoredTable(t *testing.T) {
	none := math.NaN()
	r := results{
		respond: {{rate: 4000, arrival: 4000, p50: 1, p99: 2, cpu: 20, written: 0, batch: none}},
		plain:   {{rate: 1000, arrival: 1000, p50: 3, p99: 4, cpu: 80, written: 0, batch: none}},
		acks:    {{rate: 2000, arrival: 2000, p50: 5, p99: 6, cpu: 40, written: 5120, batch: 32}},
		live:    {{rate: 900, arrival: 800, p50: 7, p99: 8, cpu: 160, written: 6144, batch: 16}},
		steady:  {{rate: 500, arrival: 499, p50: 1, p99: 9, cpu: 200, written: 8192, batch: 2}},
	}
	holdGoals(t, r.storedGoals(), map[string]float64{
		"acks/respond req/s": 0.5, "acks/plain req/s": 2, "live/plain req/s": 0.9, "live/plain at the app/s": 0.8, "acks req/fsync": 32,
		"p99 ms at 500/s": 9, "acks/respond CPU": 2, "acks/plain CPU": 0.5, "live/plain CPU": 2,
	})
	holdRows(t, r, []string{plain, live}, []column{rate, arrival, p50, p99, cpu, written, batch},
		"plain 1000 [1000 1000] 1000 [1000 1000] 3.00 [3.00 3.00] 4.00 [4.00 4.00] 80.0 [80.0 80.0] 0.0 [0.0 0.0] –",
		"live 900 [900 900] 800 [800 800] 7.00 [7.00 7.00] 8.00 [8.00 8.00] 160.0 [160.0 160.0] 6.0 [6.0 6.0] 16.0 [16.0 16.0]",
	)
}

// holdGoals checks that all goals are there with their values, and met.
func holdGoals(t *testing.T, goals []goal, want map[string]float64) {
	t.Helper()
	for _, g := range goals {
		if got := median(g.values); math.Abs(got-want[g.name]) > 1e-9 {
			t.Errorf("%s = %v, want %v", g.name, got, want[g.name])
		}
		delete(want, g.name)
	}
	if len(want) > 0 || missed(goals) > 0 {
		t.Errorf("missing %v, missed %d", want, missed(goals))
	}
}

func holdRows(t *testing.T, r results, names []string, columns []column, rows ...string) {
	t.Helper()
	var out strings.Builder
	r.table(&out, names, columns...)
	for _, row := range rows {
		if text := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(text, row) {
			t.Errorf("no row %q in\n%s", row, out.String())
		}
	}
}
