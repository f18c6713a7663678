package api

import (
	"net/http"
	"time"

	"github.com/hookgate/hookgate/sender"
	"github.com/hookgate/hookgate/store"
)

// secretOut is what the messages of an endpoint are verified with.
type secretOut struct {
	Key string `json:"key"`
}

// rotateIn asks for another secret.
type rotateIn struct {
	Key   field[string] `json:"key" api:"nonempty"`
	Grace field[int64]  `json:"gracePeriodSeconds" api:"min=0,max=604800"`
}

// usualGrace is how many seconds the secret before goes on signing.
const usualGrace = 86400

func getSecret(c *call) (int, secretOut, error) {
	key, err := c.sender.EndpointSecret(c.ctx, c.app, c.endpoint())
	return http.StatusOK, secretOut{key}, err
}

func rotateSecret(c *call, tx *store.Tx, in *rotateIn) (int, none, error) {
	grace := time.Duration(in.Grace.or(usualGrace)) * time.Second
	return http.StatusNoContent, none{}, c.sender.RotateSecret(tx, c.app, c.endpoint(), in.Key.or(""), grace)
}

// headersIn are all the headers of an endpoint.
type headersIn struct {
	Headers field[map[string]string] `json:"headers" api:"required"`
}

// headersPatch sets headers, and unsets others: those that are null, and those that are
// listed.
type headersPatch struct {
	Headers       field[map[string]*string] `json:"headers"`
	DeleteHeaders field[[]string]           `json:"deleteHeaders"`
}

// headersOut are the headers of an endpoint. Of sensitive ones only the names are told.
type headersOut struct {
	Headers   map[string]string `json:"headers"`
	Sensitive []string          `json:"sensitive"`
}

func getHeaders(c *call) (int, headersOut, error) {
	headers, sensitive, err := c.sender.EndpointHeaders(c.ctx, c.app, c.endpoint())
	return http.StatusOK, headersOut{headers, sensitive}, err
}

func putHeaders(c *call, tx *store.Tx, in *headersIn) (int, none, error) {
	return http.StatusNoContent, none{}, c.sender.PutEndpointHeaders(tx, c.app, c.endpoint(), in.Headers.value)
}

func patchHeaders(c *call, tx *store.Tx, in *headersPatch) (int, none, error) {
	set, unset := make(map[string]string), in.DeleteHeaders.or(nil)
	for name, value := range in.Headers.or(nil) {
		if value == nil {
			unset = append(unset, name)
		} else {
			set[name] = *value
		}
	}
	return http.StatusNoContent, none{}, c.sender.PatchEndpointHeaders(tx, c.app, c.endpoint(), set, unset)
}

// statsOut counts what became of attempts.
type statsOut struct {
	Success  int64 `json:"success"`
	Pending  int64 `json:"pending"`
	Sending  int64 `json:"sending"`
	Fail     int64 `json:"fail"`
	Canceled int64 `json:"canceled"`
}

func getStats(c *call) (int, statsOut, error) {
	since, until := c.query.time(paramSince), c.query.time(paramUntil)
	if c.query.fail != nil {
		return 0, statsOut{}, c.query.fail
	}
	stats, err := c.sender.EndpointStats(c.ctx, c.app, c.endpoint(), since, until)
	return http.StatusOK, statsOut(stats), err
}

// exampleIn asks for an example of an event type.
type exampleIn struct {
	EventType field[string] `json:"eventType" api:"required"`
	Index     field[int32]  `json:"exampleIndex" api:"min=0"`
}

func sendExample(c *call, in *exampleIn) (int, messageOut, error) {
	if c.token.Scope == Application && in.EventType.value != sender.EventPing {
		t, err := c.sender.EventType(c.ctx, in.EventType.value)
		if err == nil && !t.VisibleTo(c.token.FeatureFlags) {
			err = sender.ErrNotFound
		}
		if err != nil {
			return 0, messageOut{}, err
		}
	}
	m, err := c.sender.SendExample(c.ctx, c.app, c.endpoint(), in.EventType.value, int(in.Index.or(0)))
	return http.StatusAccepted, messageOf(&m, true), err
}
