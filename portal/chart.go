package portal

import (
	"fmt"
	"strings"
)

// chart is bars of hours, as the template of that name draws them.
type chart struct {
	// Kind is what is counted: "attempts" or "messages".
	Kind string
	// Legend are the parts that bars have, with how many there are of all hours.
	Legend []chartPart
	Bars   []chartBar
	// Most is how many the highest bar has.
	Most string
	// More says that not all are counted yet.
	More bool
}

// chartBar is an hour.
type chartBar struct {
	Hour
	X     int
	Parts []chartPart
}

// chartPart is a part of a bar.
type chartPart struct {
	// Class is how it is drawn, Label what it is, and Count how many.
	Class, Label, Count string
	Y, Height           float64
	n                   int64
}

const (
	// chartHeight is that of the highest bar, and chartStep how far one is from the next.
	chartHeight, chartStep = 100.0, 10
	// leastHeight is that of the smallest part that is not nothing: it can be seen.
	leastHeight = 3.0
)

// newChart makes the chart of a kind of the last hours.
func newChart(kind string, hours []Hour) *chart {
	all := sum(hours)
	c := &chart{Kind: kind, More: all.More, Legend: chartParts(kind, all), Bars: make([]chartBar, len(hours))}
	var most Hour
	for i, h := range hours {
		c.Bars[i] = chartBar{Hour: h, X: i * chartStep, Parts: chartParts(kind, h)}
		if h.all() >= most.all() {
			most = h
		}
	}
	c.Most = most.words()
	for i := range c.Bars {
		c.Bars[i].place(most.all())
	}
	return c
}

// chartParts are the parts of an hour's bar, the lowest first.
func chartParts(kind string, h Hour) []chartPart {
	if kind == "messages" {
		return []chartPart{{Class: "message", Label: "messages", Count: h.words(), n: h.Messages}}
	}
	return []chartPart{
		{Class: "failure", Label: "failed", Count: count(h.Failed), n: h.Failed},
		{Class: "success", Label: "succeeded", Count: count(h.Succeeded), n: h.Succeeded},
	}
}

// place gives the parts their heights, of which the highest bar's are chartHeight.
func (b *chartBar) place(most int64) {
	y := chartHeight
	for i := range b.Parts {
		p := &b.Parts[i]
		if p.n > 0 {
			p.Height = max(leastHeight, float64(p.n)/float64(most)*(chartHeight-leastHeight))
		}
		y -= p.Height
		p.Y = y
	}
}

// Empty reports whether there is nothing in the hour.
func (b *chartBar) Empty() bool { return b.all() == 0 }

// Words is the hour for who points at it.
func (b *chartBar) Words() string {
	return b.Start.UTC().Format("2006-01-02 15:04 UTC: ") + inWords(b.Parts)
}

// Words is the chart for who does not see it.
func (c *chart) Words() string {
	return fmt.Sprintf("%s of the last %d hours: %s; the most in an hour: %s", upper(c.Kind), len(c.Bars), inWords(c.Legend), c.Most)
}

func inWords(parts []chartPart) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = p.Count + " " + p.Label
	}
	return strings.Join(words, ", ")
}

// all is how many there are of whatever is counted.
func (h Hour) all() int64 { return h.Succeeded + h.Failed + h.Messages }

// words shows how many there are.
func (h Hour) words() string {
	if h.More {
		return "more than " + count(h.all())
	}
	return count(h.all())
}
