package api_test

import (
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
)

// closedURL is an address of loopback where nothing listens.
func closedURL(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String() + "/"
}

var svixMessage = []behaviour{
	{[]int{41}, "e2e_message::test_message_create_read_list", config{}, func(t *testing.T, s *server) {
		app := s.app("u")
		made := s.do(202, "POST", "/app/"+app+"/msg", obj{"eventType": "a.b", "eventId": "ev-1", "payload": obj{"test": "value"}, "channels": []any{"news"}, "tags": []any{"t"}})
		want := obj{
			"eventType": "a.b", "eventId": "ev-1", "payload": obj{"test": "value"}, "channels": []any{"news"}, "tags": []any{"t"},
			"id": made["id"], "timestamp": made["timestamp"],
		}
		if !reflect.DeepEqual(made, want) {
			t.Errorf("made %v, want %v", made, want)
		}
		other := s.message(app, "c", nil)
		for _, path := range []string{app + "/msg/" + made["id"].(string), "u/msg/ev-1"} {
			if got := s.do(200, "GET", "/app/"+path, nil); !reflect.DeepEqual(got, made) {
				t.Errorf("%s: %v", path, got)
			}
		}
		for query, want := range map[string][]string{
			"":                   {other, made["id"].(string)},
			"?channel=news":      {made["id"].(string)},
			"?channel=none":      nil,
			"?tag=t":             {made["id"].(string)},
			"?event_types=c":     {other},
			"?event_types=c,a.b": {other, made["id"].(string)},
			"?event_types=none":  nil,
			"?after=2000-01-01T00:00:00Z&before=2001-01-01T00:00:00Z": nil,
		} {
			if got := field(s.list("/app/"+app+"/msg"+query), "id"); !reflect.DeepEqual(got, want) {
				t.Errorf("%q: got %v, want %v", query, got, want)
			}
		}
		s.do(404, "GET", "/app/"+s.app()+"/msg/"+made["id"].(string), nil)
		s.do(404, "GET", "/app/"+app+"/msg/none", nil)
	}},
	{[]int{42}, "e2e_message::test_message_create_read_list_with_content", config{}, func(t *testing.T, s *server) {
		app := s.app()
		payload := obj{"test": "value"}
		made := s.do(202, "POST", "/app/"+app+"/msg?with_content=false", obj{"eventType": "a", "payload": payload})
		path := "/app/" + app + "/msg"
		read, list := s.do(200, "GET", path+"/"+made["id"].(string)+"?with_content=false", nil), s.list(path + "?with_content=false")[0]
		for what, got := range map[string]obj{"create": made, "get": read, "list": list} {
			if !reflect.DeepEqual(got["payload"], obj{}) {
				t.Errorf("%s: payload %v", what, got["payload"])
			}
		}
		made = s.do(202, "POST", path+"?with_content=true", obj{"eventType": "a", "payload": payload})
		read, list = s.do(200, "GET", path+"/"+made["id"].(string), nil), s.list(path)[0]
		for what, got := range map[string]obj{"create": made, "get": read, "list": list} {
			if !reflect.DeepEqual(got["payload"], payload) {
				t.Errorf("%s: payload %v", what, got["payload"])
			}
		}
		s.do(400, "GET", path+"?with_content=1", nil)
	}},
	{[]int{43}, "e2e_message::test_failed_message_gets_recorded", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, always(500))
		app := s.app()
		ep := s.endpoint(app, r.URL, nil)
		msg := s.message(app, "a", nil)
		for _, got := range s.attempts(app, msg, len(quick)+1) {
			if got["responseStatusCode"] != 500.0 || got["status"] != 2.0 || got["statusText"] != "fail" || got["response"] != "" || // of a private address only success is shown
				got["triggerType"] != 0.0 || got["endpointId"] != ep || got["msgId"] != msg || got["url"] != r.URL+"/" {
				t.Errorf("%v", got)
			}
			one := s.do(200, "GET", "/app/"+app+"/msg/"+msg+"/attempt/"+got["id"].(string), nil)
			if !reflect.DeepEqual(one, got) {
				t.Errorf("listed %v, got %v", got, one)
			}
		}
	}},
	{[]int{44}, "e2e_message::test_multiple_endpoints", config{}, func(t *testing.T, s *server) {
		good, bad, flaky := newReceiver(t, nil), newReceiver(t, always(500)), newReceiver(t, func(n int) (int, string) {
			if n == 1 {
				return 500, ""
			}
			return 200, ""
		})
		app := s.app()
		of := make(map[string]int)
		for r, n := range map[*receiver]int{good: 1, bad: len(quick) + 1, flaky: 2} {
			of[s.endpoint(app, r.URL, nil)] = n
		}
		msg := s.message(app, "a", nil)
		s.attempts(app, msg, 1+2+len(quick)+1)
		good.wait(t, 1)
		for ep, n := range of {
			if got := s.list("/app/" + app + "/attempt/msg/" + msg + "?endpoint_id=" + ep); len(got) != n {
				t.Errorf("%d attempts, want %d", len(got), n)
			}
		}
	}},
	{[]int{44}, "e2e_message::test_failed_message_gets_requeued", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, func(n int) (int, string) {
			if n == 1 {
				return 500, ""
			}
			return 200, ""
		})
		app := s.app()
		s.endpoint(app, r.URL, nil)
		msg := s.message(app, "a", nil)
		all := s.attempts(app, msg, 2)
		if all[0]["responseStatusCode"] != 200.0 || all[1]["responseStatusCode"] != 500.0 {
			t.Errorf("newest first: %v", field(all, "responseStatusCode"))
		}
		webhooks := r.wait(t, 2)
		if id := webhooks[0].header.Get("Svix-Id"); id != msg || webhooks[1].header.Get("Svix-Id") != msg {
			t.Errorf("the id is %q, want %q both times", id, msg)
		}
	}},
	{[]int{45}, "e2e_message::test_message_conflict", config{}, func(t *testing.T, s *server) {
		a, b := s.app(), s.app()
		in := obj{"eventType": "a", "eventId": "test1", "payload": obj{}}
		s.do(202, "POST", "/app/"+a+"/msg", in)
		s.do(409, "POST", "/app/"+a+"/msg", in)
		s.do(409, "POST", "/app/"+a+"/msg", obj{"eventType": "b", "eventId": "test1", "payload": obj{"a": 1}})
		s.do(202, "POST", "/app/"+b+"/msg", in)
		if all := s.list("/app/" + a + "/msg"); len(all) != 1 {
			t.Errorf("%d messages, want one", len(all))
		}
	}},
	{[]int{46}, "e2e_message::test_message_validation", config{}, func(t *testing.T, s *server) {
		app := s.app()
		path := "/app/" + app + "/msg"
		for _, size := range []int{8 << 20, 2 << 20, 1<<20 + 1} {
			if code := s.do(413, "POST", path, obj{"eventType": "a", "payload": obj{"a": strings.Repeat("x", size)}})["code"]; code != "payload_too_large" {
				t.Errorf("code %v", code)
			}
		}
		for _, bad := range []any{
			obj{"payload": obj{}}, obj{"eventType": "a"}, obj{"eventType": "a b", "payload": obj{}}, obj{"eventType": "", "payload": obj{}},
			obj{"eventType": "a\r\nb", "payload": obj{}}, obj{"eventType": strings.Repeat("a", 257), "payload": obj{}},
			obj{"eventType": "a", "payload": []int{1}}, obj{"eventType": "a", "payload": "x"}, obj{"eventType": "a", "payload": nil},
			obj{"eventType": "a", "payload": obj{}, "eventId": "msg_x"}, obj{"eventType": "a", "payload": obj{}, "eventId": ""},
			obj{"eventType": "a", "payload": obj{}, "channels": []string{}}, obj{"eventType": "a", "payload": obj{}, "channels": []string{"a b"}},
			obj{"eventType": "a", "payload": obj{}, "payloadRetentionPeriod": 91}, obj{"eventType": "a", "payload": obj{}, "payloadRetentionHours": 0},
			obj{"eventType": "a", "payload": obj{}, "deliverAt": "2030-01-01T00:00:00Z"}, []int{1}, "null", "", `{"eventType":"a","payload":{}`,
			`{"eventType":"a","eventType":"b","payload":{}}`,
		} {
			r := s.request(s.org, "POST", path, bad)
			if r.status != 422 || r.json(t)["detail"].([]any)[0].(obj)["type"] == "" {
				t.Errorf("%v: %d %s", bad, r.status, r.body)
			}
		}
		if all := s.list(path); len(all) != 0 {
			t.Errorf("%d messages were made", len(all))
		}
		s.do(202, "POST", path, obj{"eventType": "a", "data": obj{"unknown": "fields are ignored"}, "further": 1})
		s.do(202, "POST", path, obj{"eventType": "a", "payload": obj{"a": strings.Repeat("x", 1<<20-100)}})
	}},
	{[]int{47}, "e2e_message::test_raw_payload", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		secret := s.do(200, "GET", "/app/"+app+"/endpoint/"+s.endpoint(app, r.URL, nil)+"/secret", nil)["key"].(string)
		for i, raw := range []string{"<x a=\"1\">\u00e9</x>", " { \"b\": 1,\n\"a\": 2 } ", "", "[1]"} {
			msg := s.do(202, "POST", "/app/"+app+"/msg", obj{
				"eventType": "a", "payload": obj{}, "transformationsParams": obj{"rawPayload": raw, "headers": obj{"content-type": "text/xml"}},
			})
			webhook := r.wait(t, i+1)[i]
			if webhook.body != raw || webhook.header.Get("Content-Type") != "text/xml" || !verified(t, secret, webhook) {
				t.Errorf("%q: got %q, %v", raw, webhook.body, webhook.header)
			}
			s.do(200, "GET", "/app/"+app+"/msg/"+msg["id"].(string), nil)
		}
		// A payload is delivered byte for byte, too.
		text := `{ "b" : 1.0,  "a":"é<>&` + "\u2028" + `" , "n": 12345678901234567890 }`
		s.do(202, "POST", "/app/"+app+"/msg", `{"eventType":"a", "payload": `+text+` }`)
		if got := r.wait(t, 5)[4]; got.body != text || got.header.Get("Content-Type") != "application/json" || !verified(t, secret, got) {
			t.Errorf("got %q, %v", got.body, got.header)
		}
	}},
	{[]int{48}, "e2e_message::test_expunge_message_payload", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		ep := s.endpoint(app, r.URL, nil)
		msg := s.message(app, "a", obj{"payload": obj{"sensitive": "value"}})
		s.attempts(app, msg, 1)
		path := "/app/" + app + "/msg/" + msg
		s.do(204, "DELETE", path+"/content", nil)
		if got := s.do(200, "GET", path, nil)["payload"]; !reflect.DeepEqual(got, obj{"expired": true}) {
			t.Errorf("payload %v", got)
		}
		if got := s.do(200, "GET", path+"?with_content=false", nil)["payload"]; !reflect.DeepEqual(got, obj{}) {
			t.Errorf("payload %v", got)
		}
		if code := s.do(400, "POST", path+"/endpoint/"+ep+"/resend", nil)["code"]; code != "missing_payload" {
			t.Errorf("code %v", code)
		}
		s.do(404, "DELETE", "/app/"+app+"/msg/none/content", nil)
	}},
	{[]int{49}, "e2e_message::test_create_message_with_application", config{}, func(t *testing.T, s *server) {
		in := func(app any) obj { return obj{"eventType": "a", "payload": obj{}, "application": app} }
		s.do(404, "POST", "/app/u/msg", in(nil))
		for want, app := range map[string]obj{"application_uid_missing": {"name": "a"}, "application_uid_mismatch": {"name": "a", "uid": "v"}} {
			if kind := s.do(422, "POST", "/app/u/msg", in(app))["detail"].([]any)[0].(obj)["type"]; kind != want {
				t.Errorf("type %v, want %s", kind, want)
			}
		}
		s.do(422, "POST", "/app/u/msg", in(obj{"uid": "u"}))
		if all := s.list("/app"); len(all) != 0 {
			t.Fatalf("made all the same: %v", all)
		}
		s.do(202, "POST", "/app/u/msg", in(obj{"name": "a", "uid": "u"}))
		before := s.do(200, "GET", "/app/u", nil)
		s.do(202, "POST", "/app/u/msg", in(obj{"name": "b", "uid": "u"}))
		s.do(202, "POST", "/app/"+before["id"].(string)+"/msg", in(obj{"name": "b", "uid": "w"}))
		if after := s.do(200, "GET", "/app/u", nil); !reflect.DeepEqual(after, before) {
			t.Errorf("before %v, after %v", before, after)
		}
		if all := s.list("/app/u/msg"); len(all) != 3 {
			t.Errorf("%d messages, want 3", len(all))
		}
	}},
}

var svixDelivery = []behaviour{
	{[]int{59}, "worker::test_no_redirects_policy", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, always(308))
		app := s.app()
		s.endpoint(app, r.URL, nil)
		msg := s.message(app, "a", nil)
		if got := s.attempts(app, msg, len(quick)+1)[0]; got["responseStatusCode"] != 308.0 || got["status"] != 2.0 {
			t.Errorf("%v", got)
		}
		r.wait(t, len(quick)+1)
	}},
	{[]int{61}, "integ_webhook_http_client::test_filtering", config{noPrivate: true}, func(t *testing.T, s *server) {
		app := s.app()
		for _, host := range []string{"127.0.0.1", "localhost", "127.1", "[::1]", "169.254.169.254", "10.0.0.1", "[::ffff:127.0.0.1]"} {
			r := s.request(s.org, "POST", "/app/"+app+"/endpoint", obj{"url": "https://" + host + "/"})
			if r.status == 422 {
				continue
			}
			msg := s.message(app, "a", nil)
			if got := s.attempts(app, msg, len(quick)+1)[0]; got["responseStatusCode"] != 0.0 || got["status"] != 2.0 {
				t.Errorf("%s: %v", host, got)
			}
		}
	}},
	{[]int{62}, "message_app::test_endp_deletion", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		ep := s.endpoint(app, r.URL, nil)
		s.message(app, "a", nil)
		r.wait(t, 1)
		s.do(204, "DELETE", "/app/"+app+"/endpoint/"+ep, nil)
		msg := s.message(app, "a", nil)
		if all := s.list("/app/" + app + "/msg/" + msg + "/endpoint"); len(all) != 0 {
			t.Errorf("it is for %v", all)
		}
		r.wait(t, 1)
	}},
	{[]int{62}, "message_app::test_app_deletion", config{}, func(t *testing.T, s *server) {
		app := s.app()
		token := s.do(200, "POST", "/auth/app-portal-access/"+app, obj{})["token"].(string)
		s.do(204, "DELETE", "/app/"+app, nil)
		s.do(404, "POST", "/app/"+app+"/msg", obj{"eventType": "a", "payload": obj{}})
		s.as(token, 401, "GET", "/app/"+app, nil)
		s.as(token, 401, "GET", "/event-type", nil)
	}},
	{[]int{63}, "e2e_operational_webhooks::test_endpoint_create_update_and_delete", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		operational, app := s.app("operational"), s.app("u")
		s.endpoint(operational, r.URL, nil)
		seen := len(r.received())
		ep := s.endpoint(app, example, obj{"uid": "e"})
		path := "/app/" + app + "/endpoint/" + ep
		s.do(200, "PATCH", path, obj{"description": "x"})
		s.do(204, "POST", path+"/secret/rotate", obj{})
		s.do(204, "DELETE", path, nil)
		var kinds []string
		eventually(t, "four webhooks about the endpoint", func() bool {
			kinds = nil
			for _, webhook := range r.received()[seen:] {
				if strings.Contains(webhook.body, ep) {
					kinds = append(kinds, operationOf(t, webhook, app, ep))
				}
			}
			return len(kinds) >= 4
		})
		counts := fmt.Sprint(count(kinds))
		if counts != fmt.Sprint(map[string]int{"endpoint.created": 1, "endpoint.updated": 2, "endpoint.deleted": 1}) {
			t.Errorf("told %s", counts)
		}
	}},
	{[]int{63}, "e2e_operational_webhooks::test_message_attempt_operational_webhooks", config{retry: append(quick, quick...)}, func(t *testing.T, s *server) {
		told, r := newReceiver(t, nil), newReceiver(t, always(500))
		operational, app := s.app("operational"), s.app("u")
		s.endpoint(operational, told.URL, nil)
		ep := s.endpoint(app, r.URL, obj{"uid": "e"})
		msg := s.message(app, "a", obj{"eventId": "ev"})
		s.attempts(app, msg, 5)
		var kinds []string
		eventually(t, "webhooks about the attempts", func() bool {
			kinds = nil
			for _, webhook := range told.received() {
				if strings.Contains(webhook.body, msg) {
					kinds = append(kinds, operationOf(t, webhook, app, ep))
				}
			}
			return len(kinds) >= 2
		})
		if counts := fmt.Sprint(count(kinds)); counts != fmt.Sprint(map[string]int{"message.attempt.failing": 1, "message.attempt.exhausted": 1}) {
			t.Errorf("told %s", counts)
		}
	}},
	{[]int{64}, "e2e_health::test_ping", config{}, func(t *testing.T, s *server) {
		for _, path := range []string{"/health/ping", "/health/ping/"} {
			for _, method := range []string{"GET", "HEAD"} {
				if r := s.request("", method, path, nil); r.status != 204 || len(r.body) > 0 {
					t.Errorf("%s %s: %d %s", method, path, r.status, r.body)
				}
			}
		}
		for _, path := range []string{"/health", "/health/"} {
			if got := s.as("", 200, "GET", path, nil); got["database"].(obj)["status"] != "ok" {
				t.Errorf("%v", got)
			}
		}
	}},
}

func count(all []string) map[string]int {
	n := make(map[string]int)
	for _, one := range all {
		n[one]++
	}
	return n
}
