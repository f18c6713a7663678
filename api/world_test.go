package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/api"
)

// world has one of all there is, so that every operation can be called.
type world struct {
	s                                           *server
	receiver                                    *receiver
	app, uid, endpoint, message, attempt, task  string
	eventType, code                             string
	full, readOnly, other, expired, portalToken string // tokens
}

// newWorld makes it in a server. Names are new each time.
func newWorld(t testing.TB, s *server, r *receiver) *world {
	t.Helper()
	w := &world{s: s, receiver: r, uid: "u" + unique(), eventType: "type." + unique()}
	w.app = s.app(w.uid)
	s.do(201, "POST", "/event-type", obj{"name": w.eventType, "description": "d", "schemas": obj{"1": obj{"type": "object", "examples": []any{obj{"a": 1}}}}, "groupName": "g"})
	w.endpoint = s.endpoint(w.app, r.URL, obj{"uid": "e", "eventTypes": []string{w.eventType}, "channels": []string{"c"}, "throttleRate": 1000, "metadata": obj{"k": "v"}})
	w.message = s.message(w.app, w.eventType, obj{"eventId": "ev", "channels": []string{"c"}, "tags": []string{"t"}})
	w.attempt = s.attempts(w.app, w.message, 1)[0]["id"].(string)
	w.task = s.do(202, "POST", "/app/"+w.app+"/endpoint/"+w.endpoint+"/recover", obj{"since": time.Now().Add(-time.Hour)})["id"].(string)
	w.code = w.newCode()
	w.full = s.token(api.Holder{App: w.app})
	w.readOnly = s.token(api.Holder{App: w.app, Capabilities: []api.Capability{api.ViewBase}})
	return w
}

// newCode makes the code of a link to the portal.
func (w *world) newCode() string {
	access := w.s.do(200, "POST", "/auth/app-portal-access/"+w.app, obj{})
	return codeOf(w.s.t, access["url"].(string))
}

// codeOf returns the code in a link to the portal.
func codeOf(t testing.TB, link string) string {
	t.Helper()
	_, text, found := strings.Cut(link, "#key=")
	raw, err := base64.StdEncoding.DecodeString(text)
	var key struct{ AppID, OneTimeToken, Region string }
	if err == nil {
		err = json.Unmarshal(raw, &key)
	}
	if !found || err != nil || key.OneTimeToken == "" || !strings.HasPrefix(key.AppID, "app_") {
		t.Fatalf("link %q, error %v", link, err)
	}
	return key.OneTimeToken
}

// path fills in a path of the table.
func (w *world) path(path string) string {
	return strings.NewReplacer(
		api.Prefix, "", "{app_id}", w.app, "{endpoint_id}", w.endpoint, "{msg_id}", w.message, "{attempt_id}", w.attempt,
		"{event_type_name}", w.eventType, "{task_id}", w.task,
	).Replace(path)
}

// bodies are what operations with a body are called with.
var bodies = map[string]func(*world) any{
	"v1.application.create": func(*world) any {
		return obj{"name": "a", "uid": "new" + unique(), "throttleRate": 5, "metadata": obj{"k": "v"}}
	},
	"v1.application.upsert":      func(w *world) any { return obj{"name": "a", "uid": w.uid} },
	"v1.application.patch":       func(*world) any { return obj{"name": "b"} },
	"v1.endpoint.create":         func(*world) any { return obj{"url": example} },
	"v1.endpoint.upsert":         func(w *world) any { return obj{"url": w.receiver.URL, "uid": "e"} },
	"v1.endpoint.patch":          func(*world) any { return obj{"description": "x"} },
	"v1.endpoint.rotate-secret":  func(*world) any { return obj{} },
	"v1.endpoint.set-headers":    func(*world) any { return obj{"headers": obj{"X-A": "1", "Authorization": "x"}} },
	"v1.endpoint.patch-headers":  func(*world) any { return obj{"headers": obj{"X-B": "1"}} },
	"v1.endpoint.recover":        since,
	"v1.endpoint.replay-missing": since,
	"v1.endpoint.bulk-replay":    since,
	"v1.endpoint.send-example":   func(w *world) any { return obj{"eventType": w.eventType} },
	"v1.event-type.create": func(*world) any {
		return obj{"name": "new." + unique(), "description": "d", "featureFlags": []string{"f"}}
	},
	"v1.event-type.upsert":                func(*world) any { return obj{"description": "d"} },
	"v1.event-type.patch":                 func(*world) any { return obj{"description": "e"} },
	"v1.message.create":                   func(w *world) any { return obj{"eventType": w.eventType, "payload": obj{"a": 1}} },
	"v1.authentication.app-portal-access": func(*world) any { return obj{"sessionId": "s"} },
	"v1.authentication.expire-all":        func(*world) any { return obj{"expiry": 3600, "sessionIds": []string{"none"}} },
	"v1.authentication.one-time-token":    func(w *world) any { return obj{"oneTimeToken": w.newCode()} },
}

func since(*world) any { return obj{"since": time.Now().Add(-time.Hour)} }

// call calls an operation with what it needs.
func (w *world) call(t testing.TB, r api.Route, token string, headers ...string) reply {
	t.Helper()
	var body any
	if r.In {
		make, ok := bodies[r.Operation]
		if !ok {
			t.Fatalf("%s: no test says what its body is", r.Operation)
		}
		body = make(w)
	}
	return w.s.request(token, r.Method, w.path(r.Path), body, headers...)
}

// destroys reports whether an operation takes away what others need.
func destroys(r api.Route) bool {
	return r.Method == http.MethodDelete || r.Operation == "v1.authentication.logout"
}
