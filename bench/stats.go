package main

import (
	"fmt"
	"math"
	"slices"
)

// quantile returns the q-quantile, 0 < q <= 1, by nearest rank: the least value
// that at least that share of the values does not exceed. It sorts a copy; NaN if
// there are no values.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// ratios divides pairwise. Pairs that were measured side by side share the
// machine's mood, so their ratio is steadier than the ratio of two medians.
func ratios(values, references []float64) []float64 {
	out := make([]float64, len(values))
	for i := range values {
		out[i] = values[i] / references[i]
	}
	return out
}

// summary shows values as their median, with the least and the most in brackets.
func summary(format string, values []float64) string {
	if len(values) == 0 || math.IsNaN(median(values)) {
		return "–"
	}
	return fmt.Sprintf(format+" ["+format+" "+format+"]", median(values), slices.Min(values), slices.Max(values))
}

// bound says which side of its limit a goal is on.
type bound string

const (
	shown   bound = "" // no goal, only a figure
	atLeast bound = "≥"
	atMost  bound = "≤"
)

// goal is a claim about the median of some values.
type goal struct {
	name   string
	values []float64
	bound  bound
	limit  float64
}

// met reports whether the goal is reached. What could not be measured is not.
func (g *goal) met() bool {
	switch m := median(g.values); g.bound {
	case atLeast:
		return m >= g.limit
	case atMost:
		return m <= g.limit
	default:
		return true
	}
}

// String is the row of the goal in a table, cells separated by tabs.
func (g *goal) String() string {
	row := g.name + "\t" + summary("%.2f", g.values) + "\t"
	if g.bound == shown {
		return row + "\t"
	}
	verdict := "ok"
	if !g.met() {
		verdict = "MISSED"
	}
	return row + fmt.Sprintf("goal %s %.2f\t%s", g.bound, g.limit, verdict)
}

// missed counts the goals that are not met.
func missed(goals []goal) (n int) {
	for i := range goals {
		if !goals[i].met() {
			n++
		}
	}
	return n
}
