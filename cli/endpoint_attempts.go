package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// attempt is one as the API has it.
type attempt struct {
	ID         string    `json:"id"`
	MsgID      string    `json:"msgId"`
	EndpointID string    `json:"endpointId"`
	URL        string    `json:"url"`
	Response   string    `json:"response"`
	StatusCode int       `json:"responseStatusCode"`
	DurationMs int64     `json:"responseDurationMs"`
	Status     int       `json:"status"`
	Trigger    int       `json:"triggerType"`
	Timestamp  time.Time `json:"timestamp"`
	Msg        *struct {
		EventType string `json:"eventType"`
	} `json:"msg"`
}

// The statuses of attempts and messages, as the API numbers them.
const (
	statusSuccess = iota
	statusPending
	statusFail
	statusSending
	statusCanceled
)

var statusWords = []string{statusSuccess: "delivered", statusPending: "pending", statusFail: "failed", statusSending: "under way", statusCanceled: "canceled"}

func statusWord(status int) string {
	if status < 0 || status >= len(statusWords) {
		return strconv.Itoa(status)
	}
	return statusWords[status]
}

// result says how it ended, and whether somebody had asked for it.
func (a *attempt) result() string {
	if a.Trigger != 0 {
		return statusWord(a.Status) + ", by hand"
	}
	return statusWord(a.Status)
}

func (a *attempt) code() string {
	if a.StatusCode == 0 {
		return "-"
	}
	return strconv.Itoa(a.StatusCode)
}

func (a *attempt) took() string { return (time.Duration(a.DurationMs) * time.Millisecond).String() }

// endpointAttempts is one run of endpoint attempts.
type endpointAttempts struct {
	tenant
	paging
	only, from, to string
}

func newEndpointAttempts(host Host) *cobra.Command {
	a := &endpointAttempts{tenant: newTenant(host)}
	cmd := host.command("attempts --app <application> [flags] <endpoint>", "Lists the attempts at an endpoint, the newest first", `
Lists the attempts to deliver messages to an endpoint, the newest first, with what it
answered. An attempt without status got no answer; what went wrong is in the last
column.
`, `  # what failed today
  PROGRAM webhook endpoint attempts --app customer-42 --only failed --from 24h ep_1srOrx2ZWZBpBUvZwXKQmoEYga2

  # the whole answers
  PROGRAM webhook endpoint attempts --app customer-42 --json ep_1srOrx2ZWZBpBUvZwXKQmoEYga2 | jq -r '.data[].response'`, a.run)
	a.tenant.register(cmd)
	a.paging.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&a.only, "only", "", "Only those that were delivered, failed or canceled")
	flags.StringVar(&a.from, "from", "", "Only those since then, as 2h, 3d or in RFC 3339")
	flags.StringVar(&a.to, "to", "", "Only those before")
	return cmd
}

// query writes the flags as the API has them.
func (a *endpointAttempts) query(now time.Time) (url.Values, error) {
	q := url.Values{"with_msg": {"true"}}
	switch a.only {
	case "":
	case statusWords[statusSuccess], statusWords[statusFail], statusWords[statusCanceled]:
		for status, word := range statusWords {
			if word == a.only {
				q.Set("status", strconv.Itoa(status))
			}
		}
	default:
		return nil, errors.New("--only: delivered, failed or canceled")
	}
	for name, value := range map[string][2]string{"after": {"from", a.from}, "before": {"to", a.to}} {
		if value[1] == "" {
			continue
		}
		at, err := parsePast(value[1], now)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", value[0], err)
		}
		q.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
	return q, nil
}

func (a *endpointAttempts) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the endpoint"); err != nil {
		return err
	}
	if err := a.check(cmd); err != nil {
		return err
	}
	now := a.host.time()
	q, err := a.query(now)
	if err != nil {
		return err
	}
	c, app, err := a.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	what := call{method: http.MethodGet, path: []string{"app", app, "attempt", "endpoint", args[0]}, query: q, about: aboutEndpoint(app, args[0])}
	page, err := c.list(cmd.Context(), what, a.paging)
	if err != nil {
		return err
	}
	head := []string{"STARTED", "MESSAGE", "TYPE", "RESULT", "STATUS", "TOOK", "ERROR OR RESPONSE"}
	return printPage(cmd, c, page, "No attempts.", head, func(at *attempt) []string {
		typ := ""
		if at.Msg != nil {
			typ = at.Msg.EventType
		}
		return []string{when(at.Timestamp, now), at.MsgID, orDash(typ), at.result(), at.code(), at.took(), summary([]byte(at.Response))}
	})
}
