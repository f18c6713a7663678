package api_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/api"
)

// What the Go SDK 1.44.0 takes; it refuses anything else. From its models.
var tolerated = map[string]string{
	"v1.application.create":                          "createdAt id metadata name rateLimit uid updatedAt",
	"v1.application.get":                             "createdAt id metadata name rateLimit uid updatedAt",
	"v1.application.list":                            "createdAt id metadata name rateLimit uid updatedAt",
	"v1.endpoint.create":                             "channels createdAt description disabled filterTypes id metadata rateLimit uid updatedAt url version",
	"v1.endpoint.get":                                "channels createdAt description disabled filterTypes id metadata rateLimit uid updatedAt url version",
	"v1.endpoint.list":                               "channels createdAt description disabled filterTypes id metadata rateLimit uid updatedAt url version",
	"v1.endpoint.get-stats":                          "fail pending sending success",
	"v1.endpoint.recover":                            "id status task",
	"v1.endpoint.replay-missing":                     "id status task",
	"v1.background-task.get":                         "data id status task",
	"v1.background-task.list":                        "data id status task",
	"v1.event-type.get":                              "archived createdAt deprecated description featureFlag groupName name schemas updatedAt",
	"v1.event-type.list":                             "archived createdAt deprecated description featureFlag groupName name schemas updatedAt",
	"v1.message.create":                              "channels eventId eventType id payload tags timestamp",
	"v1.message.get":                                 "channels eventId eventType id payload tags timestamp",
	"v1.message.list":                                "channels eventId eventType id payload tags timestamp",
	"v1.message-attempt.get":                         "endpointId id msg msgId response responseDurationMs responseStatusCode status timestamp triggerType url",
	"v1.message-attempt.list-by-msg":                 "endpointId id msg msgId response responseDurationMs responseStatusCode status timestamp triggerType url",
	"v1.message-attempt.list-by-endpoint":            "endpointId id msg msgId response responseDurationMs responseStatusCode status timestamp triggerType url",
	"v1.message-attempt.list-attempted-messages":     "channels eventId eventType id payload tags timestamp nextAttempt status",
	"v1.message-attempt.list-attempted-destinations": "channels createdAt description disabled filterTypes id rateLimit uid updatedAt url version nextAttempt status",
}

// Go SDKs that refuse unknown fields get none; everybody else gets all.
func TestOlderSDKs(t *testing.T) {
	s := newServer(t, config{})
	w := newWorld(t, s, newReceiver(t, nil))
	s.do(200, "PATCH", "/app/"+w.app, obj{"throttleRate": 5})
	s.do(200, "PATCH", "/app/"+w.app+"/endpoint/"+w.endpoint, obj{"scheme": "standard"})
	fields := func(r api.Route, agent string) []string {
		t.Helper()
		got := w.call(t, r, s.org, "User-Agent", agent)
		body := got.json(t)
		if strings.HasSuffix(r.Operation, ".list") || strings.Contains(r.Operation, ".list-") {
			body = items(body)[0]
		}
		return slices.Sorted(maps.Keys(body))
	}
	for _, r := range api.Routes() {
		want, ok := tolerated[r.Operation]
		if !ok {
			continue
		}
		allowed := strings.Fields(want)
		for _, agent := range []string{"svix-libs/1.44.0/go go/go1.22.0", "svix-libs/1.39.0/go", "svix-libs/1.56.0/go go/go1.23"} {
			for _, name := range fields(r, agent) {
				if !slices.Contains(allowed, name) {
					t.Errorf("%s for %s: %s", r.Operation, agent, name)
				}
			}
		}
		all := fields(r, "svix-libs/1.99.1/go go/go1.26.0")
		for _, agent := range []string{"", "svix-libs/1.44.0/javascript node/20", "svix-libs/1.57.0/go", "svix-libs/1.38.0/go", "svix-libs/2.0.0/go", "x svix-libs/1.44.0/go"} {
			if got := fields(r, agent); !slices.Equal(got, all) {
				t.Errorf("%s for %q: %v, want %v", r.Operation, agent, got, all)
			}
		}
		if slices.Contains(all, "throttleRate") != strings.Contains(want, "rateLimit") {
			t.Errorf("%s: %v", r.Operation, all)
		}
	}
	// What a payload holds is nobody's field.
	msg := s.message(w.app, w.eventType, obj{"payload": obj{"throttleRate": 1, "statusText": "x"}})
	got := s.do(200, "GET", "/app/"+w.app+"/msg/"+msg, nil, "User-Agent", "svix-libs/1.44.0/go")["payload"].(obj)
	if len(got) != 2 {
		t.Errorf("payload %v", got)
	}
}
