package caddymodule

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/hookgate/hookgate/gateway"
)

// observer publishes outcomes as placeholders, access-log fields and metrics.
type observer struct{}

const placeholderPrefix = "http.webhook."

// Annotate makes the outcome readable for the next handlers and the access log.
// Both read it later, so that they see what became of the request.
func (observer) Annotate(r *http.Request, o *gateway.Outcome) {
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(func(key string) (any, bool) {
			name, ok := strings.CutPrefix(key, placeholderPrefix)
			if !ok {
				return nil, false
			}
			return placeholder(o, name)
		})
	}
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Set(zap.Object("webhook", (*loggedOutcome)(o)))
	}
}

func placeholder(o *gateway.Outcome, name string) (any, bool) {
	switch name {
	case "source":
		return o.Source, true
	case "scheme":
		return o.Scheme, true
	case "id":
		return o.ID, true
	case "event_type":
		return o.Type, true
	case "timestamp":
		if o.Timestamp.IsZero() {
			return "", true
		}
		return o.Timestamp.UTC().Format(time.RFC3339Nano), true
	case "result":
		return o.Result, true
	}
	return nil, false
}

type loggedOutcome gateway.Outcome

// MarshalLogObject writes the fields that are known.
func (o *loggedOutcome) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	for _, name := range []string{"source", "scheme", "id", "event_type", "timestamp", "result"} {
		if value, _ := placeholder((*gateway.Outcome)(o), name); value != "" {
			enc.AddString(name, value.(string))
		}
	}
	return nil
}

// Count counts. Labels come from the configuration and from fixed lists only.
func (observer) Count(o *gateway.Outcome) {
	metrics.requests.WithLabelValues(o.Source, o.Scheme, o.Result).Inc()
	if !o.Signed {
		return
	}
	metrics.matches.WithLabelValues(o.Source, o.Scheme, strconv.Itoa(o.Secret)).Inc()
	secretUses.Record(o.Source, o.Scheme, o.Secret, time.Now())
	metrics.lastMatch.WithLabelValues(o.Source, o.Scheme, strconv.Itoa(o.Secret)).SetToCurrentTime()
	if !o.Timestamp.IsZero() {
		metrics.skew.WithLabelValues(o.Source).Observe(o.Skew.Seconds())
	}
	if o.Conflict {
		metrics.conflicts.WithLabelValues(o.Source).Inc()
	}
}
