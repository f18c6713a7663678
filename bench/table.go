package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// column is a figure of the rounds' samples.
type column struct {
	title, format string
	of            func(sample) float64
}

var (
	rate    = column{"req/s", "%.0f", func(s sample) float64 { return s.rate }}
	arrival = column{"at the app/s", "%.0f", func(s sample) float64 { return s.arrival }}
	p50     = column{"p50 ms", "%.2f", func(s sample) float64 { return s.p50 }}
	p95     = column{"p95 ms", "%.2f", func(s sample) float64 { return s.p95 }}
	p99     = column{"p99 ms", "%.2f", func(s sample) float64 { return s.p99 }}
	cpu     = column{"server CPU µs/req", "%.1f", func(s sample) float64 { return s.cpu }}
	written = column{"KiB to disk/req", "%.1f", func(s sample) float64 { return s.written / 1024 }}
	dbCPU   = column{"PostgreSQL CPU µs/req", "%.1f", func(s sample) float64 { return s.database }}
	batch   = column{"req/fsync", "%.1f", func(s sample) float64 { return s.batch }}
)

// results are the samples of each way, one for each round.
type results map[string][]sample

// values returns a figure of one way, round by round.
func (r results) values(name string, c column) (values []float64) {
	for _, s := range r[name] {
		values = append(values, c.of(s))
	}
	return values
}

// ratio returns the ratio of a way's figure to another's, round by round.
func (r results) ratio(name, reference string, c column) []float64 {
	return r.against(name, c, reference, c)
}

// against returns the ratio of a way's figure to another figure of another way.
func (r results) against(name string, c column, reference string, to column) []float64 {
	return ratios(r.values(name, c), r.values(reference, to))
}

// table writes the medians.
func (r results) table(out io.Writer, names []string, columns ...column) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprint(w, "\nmedian [least most]")
	for _, c := range columns {
		fmt.Fprint(w, "\t", c.title)
	}
	fmt.Fprintln(w)
	for _, name := range names {
		fmt.Fprint(w, name)
		for _, c := range columns {
			fmt.Fprint(w, "\t", summary(c.format, r.values(name, c)))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

// writeGoals writes a line for each.
func writeGoals(out io.Writer, goals []goal) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\nmedian of the rounds' [least most]\t\t\t")
	for i := range goals {
		fmt.Fprintln(w, goals[i].String())
	}
	w.Flush()
}
