package portal

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

func drawn(t *testing.T, kind string, hours []Hour) string {
	t.Helper()
	p := new(Portal)
	var err error
	if p.statics, err = p.readStatics(); err == nil {
		p.pages, err = p.readPages()
	}
	if err != nil {
		t.Fatal(err)
	}
	out := new(bytes.Buffer)
	if err := p.pages["failed"].ExecuteTemplate(out, "chart", newChart(kind, hours)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A chart is well-formed, says in words what it shows, has each hour as a row, and draws
// the smallest number there is so that it is seen; nothing is higher than the chart.
func TestChart(t *testing.T) {
	start := time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC)
	hours := make([]Hour, chartHours)
	for i := range hours {
		hours[i].Start = start.Add(time.Duration(i) * time.Hour)
	}
	hours[3].Tally, hours[4].Tally, hours[5].Tally = store.Tally{Succeeded: 100_000, Failed: 1}, store.Tally{Failed: 2}, store.Tally{Succeeded: 1}
	shown := drawn(t, "attempts", hours)
	for _, want := range []string{
		"Attempts of the last 24 hours: 3 failed, 100,001 succeeded; the most in an hour: 100,001",
		"2026-03-01 08:00 UTC: 1 failed, 100,000 succeeded",
		`<rect class="failure" x="30" y="97.0" width="8" height="3.0"/><rect class="success" x="30" y="0.0" width="8" height="97.0"/>`,
		`<rect class="success" x="50" y="97.0" width="8" height="3.0"/>`,
		`id="attempts-by-hour"`, `<td class="num">100,000</td>`,
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is missing in\n%s", want, shown)
		}
	}
	if n := strings.Count(shown, `class="none"`); n != chartHours-3 {
		t.Errorf("%d hours are empty", n)
	}
	if n := strings.Count(shown, "<tr>"); n != chartHours+1 {
		t.Errorf("%d rows", n)
	}
	decoder := xml.NewDecoder(strings.NewReader(shown))
	decoder.Entity = xml.HTMLEntity
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// What is not counted wholly yet is shown as more than that; nothing is shown as such.
func TestChartOfMessages(t *testing.T) {
	hours := make([]Hour, chartHours)
	if shown := drawn(t, "messages", hours); !strings.Contains(shown, "Messages of the last 24 hours: 0 messages") || strings.Contains(shown, `class="message"`) {
		t.Error(shown)
	}
	hours[0].Messages, hours[0].More, hours[1].Messages = 100_000, true, 12
	shown := drawn(t, "messages", hours)
	for _, want := range []string{"more than 100,012 messages; the most in an hour: more than 100,000", "UTC: 12 messages", `<td class="num">more than 100,000</td>`, "not all are counted yet"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is missing in\n%s", want, shown)
		}
	}
}
