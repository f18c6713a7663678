package main

import (
	"math"
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
