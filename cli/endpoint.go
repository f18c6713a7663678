package cli

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// endpoint is one as the API has it.
type endpoint struct {
	ID           string            `json:"id"`
	UID          string            `json:"uid"`
	URL          string            `json:"url"`
	Description  string            `json:"description"`
	Scheme       string            `json:"scheme"`
	EventTypes   []string          `json:"eventTypes"`
	Channels     []string          `json:"channels"`
	ThrottleRate int               `json:"throttleRate"`
	Disabled     bool              `json:"disabled"`
	Metadata     map[string]string `json:"metadata"`
	CreatedAt    time.Time         `json:"createdAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
}

// usualScheme is that of endpoints which name none.
const usualScheme = "svix"

func (e *endpoint) scheme() string {
	if e.Scheme == "" {
		return usualScheme
	}
	return e.Scheme
}

func (e *endpoint) state() string {
	if e.Disabled {
		return "disabled"
	}
	return "enabled"
}

// orAll writes a list that lets everything pass if it is empty.
func orAll(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ",")
}

// newEndpoint returns the commands about endpoints.
func newEndpoint(host Host) *cobra.Command {
	cmd := host.group("endpoint", "Manages where an application's webhooks go", `
An endpoint is a URL of one of your customers, an application: it gets the messages of
the event types and channels it wants, each signed with its own secret. These commands
ask the API at $HOOKGATE_URL with the token in $HOOKGATE_TOKEN, which the command token
makes; one of the application is enough. An endpoint is named by its id or its uid, and
its application with --app or $HOOKGATE_APP.
`)
	cmd.AddCommand(newEndpointList(host), newEndpointAdd(host), newEndpointShow(host), newEndpointUpdate(host),
		newEndpointSwitch(host, false), newEndpointSwitch(host, true), newEndpointDelete(host), newEndpointSecret(host),
		newEndpointRotate(host), newEndpointTest(host), newEndpointRecover(host), newEndpointAttempts(host))
	return cmd
}

// endpointPath is where an endpoint is, or what belongs to it.
func endpointPath(app, endpoint string, more ...string) []string {
	return append([]string{"app", app, "endpoint", endpoint}, more...)
}

// aboutEndpoint is what is not there if the API answers 404.
func aboutEndpoint(app, endpoint string) string {
	return fmt.Sprintf("endpoint %.80q of application %.80q", endpoint, app)
}

// endpointList is one run of endpoint list.
type endpointList struct {
	tenant
	paging
}

func newEndpointList(host Host) *cobra.Command {
	l := &endpointList{tenant: newTenant(host)}
	cmd := host.command("list --app <application> [flags]", "Lists endpoints, the newest first", `
Lists the endpoints of an application, the newest first.
`, `  PROGRAM webhook endpoint list --app customer-42`, l.run)
	cmd.Aliases = []string{"ls"}
	l.tenant.register(cmd)
	l.paging.register(cmd)
	return cmd
}

func (l *endpointList) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 0, ""); err != nil {
		return err
	}
	if err := l.check(cmd); err != nil {
		return err
	}
	c, app, err := l.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	what := call{method: http.MethodGet, path: []string{"app", app, "endpoint"}, about: aboutApp(app)}
	page, err := c.list(cmd.Context(), what, l.paging)
	if err != nil {
		return err
	}
	now := l.host.time()
	head := []string{"ENDPOINT", "UID", "STATE", "SCHEME", "EVENTS", "URL", "CREATED"}
	return printPage(cmd, c, page, "No endpoints.", head, func(e *endpoint) []string {
		return []string{e.ID, orDash(e.UID), e.state(), e.scheme(), orAll(e.EventTypes), e.URL, when(e.CreatedAt, now)}
	})
}

// endpointShow is one run of endpoint show.
type endpointShow struct{ tenant }

func newEndpointShow(host Host) *cobra.Command {
	s := &endpointShow{newTenant(host)}
	cmd := host.command("show --app <application> [flags] <endpoint>", "Shows one endpoint", `
Shows an endpoint, and how the attempts at it ended in the last 28 days.
`, `  PROGRAM webhook endpoint show --app customer-42 ep_1srOrx2ZWZBpBUvZwXKQmoEYga2`, s.run)
	s.register(cmd)
	return cmd
}

// endpointStats counts attempts.
type endpointStats struct {
	Success  int64 `json:"success"`
	Pending  int64 `json:"pending"`
	Sending  int64 `json:"sending"`
	Fail     int64 `json:"fail"`
	Canceled int64 `json:"canceled"`
}

func (s *endpointStats) String() string {
	var parts []string
	for _, part := range []struct {
		n    int64
		what string
	}{{s.Success, "delivered"}, {s.Fail, "failed"}, {s.Pending + s.Sending, "under way"}, {s.Canceled, "canceled"}} {
		if part.n > 0 {
			parts = append(parts, strconv.FormatInt(part.n, 10)+" "+part.what)
		}
	}
	if len(parts) == 0 {
		return "none in 28 days"
	}
	return strings.Join(parts, ", ") + " in 28 days"
}

func (s *endpointShow) run(cmd *cobra.Command, args []string) error {
	if err := want(args, 1, "the endpoint"); err != nil {
		return err
	}
	c, app, err := s.open(&stdin{Reader: cmd.InOrStdin()})
	if err != nil {
		return err
	}
	what := call{method: http.MethodGet, path: endpointPath(app, args[0]), about: aboutEndpoint(app, args[0])}
	var e endpoint
	answer, err := c.do(cmd.Context(), what, &e)
	if err != nil {
		return err
	}
	var stats endpointStats
	if !c.json {
		what.path = append(what.path, "stats")
		if _, err := c.do(cmd.Context(), what, &stats); err != nil {
			return err
		}
	}
	now := s.host.time()
	return c.print(cmd, answer, func(w io.Writer) error {
		return writeFields(w, append([][2]string{
			{"endpoint", e.ID},
			{"uid", e.UID},
			{"url", e.URL},
			{"description", e.Description},
			{"state", e.state()},
			{"scheme", e.scheme()},
			{"events", orAll(e.EventTypes)},
			{"channels", orAll(e.Channels)},
			{"rate", rate(e.ThrottleRate)},
			{"attempts", stats.String()},
			{"created", exactly(e.CreatedAt, now)},
			{"updated", exactly(e.UpdatedAt, now)},
		}, metadata(e.Metadata)...))
	})
}
