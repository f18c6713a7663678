package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/gateway"
)

const gatewayPath = prefix + "/gateway"

// errNoGateway says that nothing is received here, so that there is nothing to be seen of it.
var errNoGateway = &refusal{http.StatusNotFound, "Nothing is received here", "This portal runs without the receiving side of a gateway."}

// gateway returns what operators see and do.
func (v *visit) gateway() (*gateway.Operator, error) {
	if v.Operator != nil {
		if o := v.Operator(); o != nil {
			return o, nil
		}
	}
	return nil, errNoGateway
}

// sourcePath is the page of a source, or of a target, whose name has slashes.
func sourcePath(name string) string { return gatewayPath + "/sources/" + url.PathEscape(name) }

// eventPath is the page of an event, with one of its deliveries: that to a target, if the
// destination is one, as an event may have several. Actions are below it.
func eventPath(seq int64, destination, action string) string {
	to := gatewayPath + "/events/" + strconv.FormatInt(seq, 10)
	if action != "" {
		to += "/" + action
	}
	if isTarget(destination) {
		to += "?" + url.Values{"to": {destination}}.Encode()
	}
	return to
}

func jobPath(id string) string { return gatewayPath + "/jobs/" + url.PathEscape(id) }

// isTarget reports whether a name is that of a target of webhook_send.
func isTarget(name string) bool { return strings.HasPrefix(name, "send/") }

// gatewayData is what the page of the gateway shows. All of it is in memory: the page costs
// the same however much is stored.
type gatewayData struct {
	// Here is false without a gateway.
	Here             bool
	Sources, Targets []sourceRow
	// Since is when the first of the sources began to be counted.
	Since time.Time
	// Store is nil without a store.
	Store *gateway.Stats
}

// sourceRow is a source in the list.
type sourceRow struct{ gateway.SourceInfo }

// URL is the page of the source.
func (r *sourceRow) URL() string { return sourcePath(r.Name) }

// showGateway shows all sources, all targets, and how the store fares.
func showGateway(v *visit) (response, error) {
	o, err := v.gateway()
	if errors.Is(err, errNoGateway) {
		return v.show("gateway", "Gateway", &gatewayData{})
	}
	data := &gatewayData{Here: true}
	for _, s := range o.SourceInfos() {
		if isTarget(s.Name) {
			data.Targets = append(data.Targets, sourceRow{s})
			continue
		}
		data.Sources = append(data.Sources, sourceRow{s})
		if t := s.Traffic; t != nil && !t.Since.IsZero() && (data.Since.IsZero() || t.Since.Before(data.Since)) {
			data.Since = t.Since
		}
	}
	if o.Reader != nil {
		stats, err := o.Stats()
		if err != nil {
			return nil, err
		}
		data.Store = &stats
	}
	return v.show("gateway", "Gateway", data)
}
