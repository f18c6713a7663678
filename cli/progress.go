package cli

import (
	"fmt"
	"io"
	"strconv"

	"github.com/hookgate/hookgate/gateway"
)

// progress is one line on a terminal, drawn again and again; elsewhere a line for
// every tenth.
type progress struct {
	out    io.Writer
	redraw bool
	tenth  int64 // the last shown, from 1
	drawn  bool
}

func (p *progress) show(j *gateway.JobInfo) {
	share := 1.0
	if j.Total > 0 {
		share = min(1, float64(j.Done)/float64(j.Total))
	}
	if p.redraw {
		const width = 30
		full := int(share * width)
		_, _ = fmt.Fprintf(p.out, "\r[%-*.*s] %s of %d ", width, full, bar, strconv.FormatInt(j.Done, 10), j.Total)
		p.drawn = true
		return
	}
	if tenth := 1 + int64(share*10); tenth > p.tenth {
		p.tenth = tenth
		_, _ = fmt.Fprintf(p.out, "%s: %d of %d\n", safe(j.ID), j.Done, j.Total)
	}
}

const bar = "=============================="

// end leaves the line that was drawn.
func (p *progress) end() {
	if p.drawn {
		_, _ = fmt.Fprintln(p.out)
		p.drawn = false
	}
}
