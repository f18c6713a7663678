package main

import (
	"math"
	"strings"
	"testing"
)

func TestQuantileIsNearestRank(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i) // unsorted: 100 … 1
	}
	for _, tt := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{hundred, 0.50, 50},
		{hundred, 0.99, 99},
		{hundred, 1, 100},
		{hundred, 0.001, 1},
		{[]float64{7}, 0.99, 7},
		{[]float64{3, 1, 2}, 0.50, 2},
	} {
		if got := quantile(tt.values, tt.q); got != tt.want {
			t.Errorf("quantile(%d values, %v) = %v, want %v", len(tt.values), tt.q, got, tt.want)
		}
	}
	if hundred[0] != 100 {
		t.Error("quantile sorted its argument")
	}
	if !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("the quantile of nothing is a number")
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{5, 1, 3}, 3},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{2}, 2},
	} {
		if got := median(tt.values); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.values, got, tt.want)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("the median of nothing is a number")
	}
}

// A ratio is of values of the same round: here every round's is 2, while the
// ratio of the medians is not.
func TestRatiosArePairwise(t *testing.T) {
	values, references := []float64{2, 20, 6}, []float64{1, 10, 3}
	for i, ratio := range ratios(values, references) {
		if ratio != 2 {
			t.Errorf("round %d: ratio %v, want 2", i+1, ratio)
		}
	}
}

func TestGoal(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		goal goal
		met  bool
		row  string
	}{
		{goal{"a", []float64{0.95, 0.90, 0.10}, atLeast, 0.90}, true, "a\t0.90 [0.10 0.95]\tgoal ≥ 0.90\tok"},
		{goal{"b", []float64{0.95, 0.89, 0.10}, atLeast, 0.90}, false, "b\t0.89 [0.10 0.95]\tgoal ≥ 0.90\tMISSED"},
		{goal{"c", []float64{1.2}, atMost, 1.2}, true, "c\t1.20 [1.20 1.20]\tgoal ≤ 1.20\tok"},
		{goal{"d", []float64{1.3, 1.21, 1}, atMost, 1.2}, false, "d\t1.21 [1.00 1.30]\tgoal ≤ 1.20\tMISSED"},
		{goal{"e", []float64{0}, atMost, 0}, true, "e\t0.00 [0.00 0.00]\tgoal ≤ 0.00\tok"},
		{goal{"f", []float64{1}, atMost, 0}, false, "f\t1.00 [1.00 1.00]\tgoal ≤ 0.00\tMISSED"},
		{goal{"g", []float64{9}, shown, 0}, true, "g\t9.00 [9.00 9.00]\t\t"},
		// What was not measured has not been shown to hold.
		{goal{"h", nil, atLeast, 0.9}, false, "h\t–\tgoal ≥ 0.90\tMISSED"},
		{goal{"i", []float64{nan, nan}, atMost, 1.2}, false, "i\t–\tgoal ≤ 1.20\tMISSED"},
		{goal{"j", []float64{nan}, shown, 0}, true, "j\t–\t\t"},
	} {
		if got := tt.goal.met(); got != tt.met {
			t.Errorf("%s: met = %v, want %v", tt.goal.name, got, tt.met)
		}
		if got := tt.goal.String(); got != tt.row {
			t.Errorf("%s: row %q, want %q", tt.goal.name, got, tt.row)
		}
		want := 1
		if tt.met {
			want = 0
		}
		if got := missed([]goal{tt.goal, {bound: shown}}); got != want {
			t.Errorf("%s: %d missed, want %d", tt.goal.name, got, want)
		}
	}
}

// Each figure has to reach its own row and column, and its own goal.
func TestTable(t *testing.T) {
	samples := map[string][]sample{
		plain:   {{rate: 1000, p50: 1, p95: 2, p99: 10, cpu: 100}, {rate: 500, p50: 1, p95: 2, p99: 20, cpu: 100}},
		marked:  {{rate: 960, p50: 2, p95: 3, p99: 12, cpu: 120}, {rate: 480, p50: 2, p95: 3, p99: 24, cpu: 120}},
		gateway: {{rate: 900, p50: 3, p95: 4, p99: 11, cpu: 110}, {rate: 450, p50: 3, p95: 4, p99: 22, cpu: 110}},
		forged:  {{rate: 1800, p50: 5, p95: 6, p99: 7, cpu: 55}, {rate: 900, p50: 5, p95: 6, p99: 7, cpu: 55}},
	}
	var out strings.Builder
	goals := table(&out, samples)
	want := map[string]float64{
		"gateway/plain req/s": 0.9, "gateway/plain p99": 1.1, "forged/gateway req/s": 2,
		"gateway/plain CPU": 1.1, "forged/gateway CPU": 0.5, "gateway/marked req/s": 0.9375, "gateway/marked CPU": 110.0 / 120,
	}
	for _, g := range goals {
		if got := median(g.values); math.Abs(got-want[g.name]) > 1e-9 {
			t.Errorf("%s = %v, want %v", g.name, got, want[g.name])
		}
		delete(want, g.name)
	}
	if len(want) > 0 || missed(goals) > 0 {
		t.Errorf("missing %v, missed %d", want, missed(goals))
	}
	for _, row := range []string{
		"plain 750 [500 1000] 1.00 [1.00 1.00] 2.00 [2.00 2.00] 15.00 [10.00 20.00] 100.0 [100.0 100.0]",
		"marked 720 [480 960] 2.00 [2.00 2.00] 3.00 [3.00 3.00] 18.00 [12.00 24.00] 120.0 [120.0 120.0]",
		"gateway 675 [450 900] 3.00 [3.00 3.00] 4.00 [4.00 4.00] 16.50 [11.00 22.00] 110.0 [110.0 110.0]",
		"forged 1350 [900 1800] 5.00 [5.00 5.00] 6.00 [6.00 6.00] 7.00 [7.00 7.00] 55.0 [55.0 55.0]",
	} {
		if text := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(text, row) {
			t.Errorf("no row %q in\n%s", row, out.String())
		}
	}
}
