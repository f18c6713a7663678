package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"
)

// operationOf checks an operational webhook about an endpoint with the uid e of an
// application with the uid u, and returns its type.
func operationOf(t testing.TB, webhook got, app, ep string) string {
	t.Helper()
	var o struct {
		Type string
		Data struct {
			AppID, AppUID, EndpointID, EndpointUID, MsgID string
			LastAttempt                                   struct{ ID string }
		}
	}
	if err := json.Unmarshal([]byte(webhook.body), &o); err != nil {
		t.Fatalf("%s: %v", webhook.body, err)
	}
	if o.Data.AppID != app || o.Data.AppUID != "u" || o.Data.EndpointID != ep || o.Data.EndpointUID != "e" || (o.Data.MsgID == "") != (o.Data.LastAttempt.ID == "") {
		t.Errorf("%s", webhook.body)
	}
	return o.Type
}

var svixAttempt = []behaviour{
	{[]int{50}, "e2e_attempt::test_message_attempts", config{}, func(t *testing.T, s *server) {
		for status, want := range map[int]int{200: 1, 202: 1, 403: len(quick) + 1, 500: len(quick) + 1, 0: len(quick) + 1} {
			app := s.app()
			url := closedURL(t)
			if status > 0 {
				url = newReceiver(t, always(status)).URL
			}
			s.endpoint(app, url, nil)
			for _, got := range s.attempts(app, s.message(app, "a", nil), want) {
				fail := want > 1
				if got["responseStatusCode"] != float64(status) || (got["status"] == 2.0) != fail || status == 0 && got["response"] == "" {
					t.Errorf("%d: %v", status, got)
				}
			}
		}
	}},
	{[]int{58}, "e2e_attempt::test_expunge_attempt_response_body", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, always(200))
		app := s.app()
		s.endpoint(app, r.URL, nil)
		msg := s.message(app, "a", nil)
		got := s.attempts(app, msg, 1)[0]
		if got["response"] != "the answer" {
			t.Errorf("%v", got)
		}
		path := "/app/" + app + "/msg/" + msg + "/attempt/" + got["id"].(string)
		s.do(204, "DELETE", path+"/content", nil)
		if got := s.do(200, "GET", path, nil); got["response"] != "EXPUNGED" {
			t.Errorf("%v", got)
		}
		s.do(404, "DELETE", "/app/"+app+"/msg/"+msg+"/attempt/none/content", nil)
		if got := s.list("/app/" + app + "/attempt/msg/" + msg + "?with_content=false")[0]; got["response"] != "{}" {
			t.Errorf("without content: %v", got)
		}
	}},
}

var svixAttemptList = []behaviour{
	{[]int{52}, "e2e_attempt::test_list_attempted_messages", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		first, second := s.endpoint(app, r.URL, nil), s.endpoint(app, r.URL, obj{"uid": "test"})
		a, b := s.message(app, "event.type", nil), s.message(app, "event.type", nil)
		c := s.message(app, "balloon.popped", obj{"channels": []string{"news"}, "tags": []string{"t"}})
		for _, msg := range []string{a, b, c} {
			s.attempts(app, msg, 2)
		}
		for _, ep := range []string{first, second, "test"} {
			all := s.list("/app/" + app + "/endpoint/" + ep + "/msg")
			if got := field(all, "id"); !slices.Equal(got, []string{c, b, a}) {
				t.Errorf("%s: %v", ep, got)
			}
			if got := all[0]; got["status"] != 0.0 || got["statusText"] != "success" || !reflect.DeepEqual(got["payload"], obj{"a": 1.0}) || got["nextAttempt"] != nil {
				t.Errorf("%v", got)
			}
		}
		for query, want := range map[string][]string{
			"channel=news": {c}, "tag=t": {c}, "event_types=balloon.popped": {c}, "event_types=event.type": {b, a},
			"event_types=event.type,balloon.popped": {c, b, a}, "limit=1": {c}, "status=1": nil, "limit=1&iterator=" + c: {b}, "iterator=-" + a: {c, b},
		} {
			if got := field(s.list("/app/"+app+"/endpoint/"+first+"/msg?"+query), "id"); !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", query, got, want)
			}
		}
		s.do(404, "GET", "/app/"+app+"/endpoint/none/msg", nil)
	}},
	{[]int{53}, "e2e_attempt::test_list_attempted_messages_failed", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, always(500))
		app := s.app()
		ep := s.endpoint(app, r.URL, nil)
		failed := s.message(app, "a", nil)
		s.attempts(app, failed, len(quick)+1)
		r.says(nil)
		good := s.message(app, "a", nil)
		s.attempts(app, good, 1)
		path := "/app/" + app + "/endpoint/" + ep + "/msg?status="
		for status, want := range map[string][]string{"0": {good}, "1": nil, "2": {failed}, "3": nil, "4": nil} {
			if got := field(s.list(path+status), "id"); !slices.Equal(got, want) {
				t.Errorf("status %s: %v, want %v", status, got, want)
			}
		}
		s.do(400, "GET", path+"9", nil)
		s.do(400, "GET", path+"x", nil)
		// What is sent again with success has failed no more.
		s.do(202, "POST", "/app/"+app+"/msg/"+failed+"/endpoint/"+ep+"/resend", nil)
		eventually(t, "the message has succeeded", func() bool { return len(s.list(path+"0")) == 2 && len(s.list(path+"2")) == 0 })
	}},
	{[]int{53}, "e2e_attempt::test_list_attempted_messages_sending", config{retry: []time.Duration{time.Hour}}, func(t *testing.T, s *server) {
		r := newReceiver(t, always(500))
		app := s.app()
		ep := s.endpoint(app, r.URL, nil)
		a, b := s.message(app, "a", nil), s.message(app, "a", nil)
		s.attempts(app, a, 1)
		s.attempts(app, b, 1)
		path := "/app/" + app + "/endpoint/" + ep + "/msg?status="
		sending := s.list(path + "3")
		if got := field(sending, "id"); !slices.Equal(got, []string{b, a}) {
			t.Errorf("sending: %v", got)
		}
		if next, _ := time.Parse(time.RFC3339, fmt.Sprint(sending[0]["nextAttempt"])); time.Until(next) < 30*time.Minute || sending[0]["statusText"] != "sending" {
			t.Errorf("%v", sending[0])
		}
		for _, status := range []string{"0", "1", "2"} {
			if got := s.list(path + status); len(got) != 0 {
				t.Errorf("status %s: %v", status, got)
			}
		}
		// The destination shows what the last attempt came to.
		if got := s.list("/app/" + app + "/msg/" + a + "/endpoint")[0]; got["status"] != 2.0 || got["nextAttempt"] == nil {
			t.Errorf("%v", got)
		}
	}},
	{[]int{53}, "e2e_attempt::test_list_attempted_messages_success_are_not_sending", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, func(n int) (int, string) {
			if n == 1 {
				return 500, ""
			}
			return 200, ""
		})
		app := s.app()
		ep := s.endpoint(app, r.URL, nil)
		s.attempts(app, s.message(app, "a", nil), 2)
		path := "/app/" + app + "/endpoint/" + ep + "/msg?status="
		if sending, good := s.list(path+"3"), s.list(path+"0"); len(sending) != 0 || len(good) != 1 {
			t.Errorf("sending %v, success %v", sending, good)
		}
	}},
	{[]int{54}, "e2e_attempt::test_list_attempted_destinations", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		var eps []string
		for range 5 {
			eps = append(eps, s.endpoint(app, r.URL, obj{"metadata": obj{"k": "v"}}))
		}
		slices.Sort(eps)
		msg := s.message(app, "a", nil)
		s.attempts(app, msg, 5)
		path := "/app/" + app + "/msg/" + msg + "/endpoint"
		s.do(204, "DELETE", "/app/"+app+"/endpoint/"+eps[2], nil)
		all := s.list(path)
		if got := field(all, "id"); !slices.Equal(got, eps) {
			t.Errorf("got %v, want %v", got, eps)
		}
		if _, there := all[0]["metadata"]; there || all[0]["status"] != 0.0 || all[0]["version"] != 1.0 {
			t.Errorf("%v", all[0])
		}
		checkOrder(t, s, path+"?limit=2", "id", 2, eps)
		s.do(422, "GET", path+"?limit=300", nil)
		s.do(404, "GET", "/app/"+app+"/msg/none/endpoint", nil)
	}},
	{[]int{55}, "e2e_attempt::test_list_attempts_by_endpoint", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		ep := s.endpoint(app, r.URL, obj{"uid": "e"})
		a := s.message(app, "event.a", nil)
		s.attempts(app, a, 1)
		b := s.message(app, "event.b", obj{"channels": []string{"news"}})
		s.attempts(app, b, 1)
		for _, ref := range []string{ep, "e"} {
			for query, want := range map[string]int{
				"": 2, "event_types=event.a": 1, "event_types=event.a&event_types=event.b": 2, "event_types=event.a,event.b": 2,
				"event_types[]=event.a": 1, "event_types[0]=event.a&event_types[1]=event.b": 2, "event_types%5B%5D=event.b": 1,
				"event_types=none": 0, "channel=news": 1, "channel=x": 0, "status=0": 2, "status=2": 0, "status_code_class=200": 2,
				"status_code_class=500": 0, "status_code_class=0": 0, "unknown=parameter": 2, "expanded_statuses=true": 2, "tag=x": 0,
			} {
				if got := s.list("/app/" + app + "/attempt/endpoint/" + ref + "?" + query); len(got) != want {
					t.Errorf("%s: %d attempts, want %d", query, len(got), want)
				}
			}
		}
		path := "/app/" + app + "/attempt/endpoint/" + ep
		s.do(400, "GET", path+"?status_code_class=250", nil)
		if got := s.list(path + "?with_msg=true&limit=1")[0]; got["msg"].(obj)["id"] != b || !reflect.DeepEqual(got["msg"].(obj)["payload"], obj{"a": 1.0}) {
			t.Errorf("with_msg: %v", got)
		}
		if got := s.list(path + "?limit=1")[0]; got["msg"] != nil {
			t.Errorf("without with_msg: %v", got)
		}
	}},
	{[]int{56}, "e2e_attempt::test_combined_before_after_filtering", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		ep := s.endpoint(app, r.URL, nil)
		path := "/app/" + app + "/attempt/endpoint/" + ep
		mark := func(n int) string {
			for range n {
				s.attempts(app, s.message(app, "a", nil), 1)
			}
			time.Sleep(5 * time.Millisecond)
			defer time.Sleep(5 * time.Millisecond)
			return url.QueryEscape(time.Now().UTC().Format(time.RFC3339Nano))
		}
		first := mark(1)
		second := mark(2)
		mark(3)
		if all := s.do(200, "GET", path+"?limit=10", nil); len(items(all)) != 6 || all["done"] != true {
			t.Fatalf("%d attempts", len(items(all)))
		}
		both := s.do(200, "GET", path+"?limit=10&before="+second+"&after="+first, nil)
		if len(items(both)) != 2 || both["done"] != true {
			t.Fatalf("%d attempts between, done %v", len(items(both)), both["done"])
		}
		newer := s.do(200, "GET", path+"?iterator="+both["prevIterator"].(string), nil)
		older := s.do(200, "GET", path+"?iterator="+both["iterator"].(string), nil)
		if len(items(newer)) != 3 || newer["done"] != true || len(items(older)) != 1 || older["done"] != true {
			t.Errorf("%d newer, %d older", len(items(newer)), len(items(older)))
		}
		for query, want := range map[string]int{"after=" + first: 5, "after=" + second: 3, "before=" + first: 1, "before=" + second: 3} {
			if got := s.list(path + "?" + query); len(got) != want {
				t.Errorf("%s: %d, want %d", query, len(got), want)
			}
		}
		s.do(400, "GET", path+"?before=yesterday", nil)
	}},
	{[]int{57}, "e2e_attempt::test_pagination_forward_and_back", config{}, func(t *testing.T, s *server) {
		r := newReceiver(t, nil)
		app := s.app()
		ep := s.endpoint(app, r.URL, nil)
		for range 28 {
			s.message(app, "a", nil)
		}
		path := "/app/" + app + "/attempt/endpoint/" + ep
		eventually(t, "28 attempts", func() bool { return len(s.list(path)) == 28 })
		want := field(s.list(path), "id")
		for _, limit := range []int{1, 5, 9, 28, 30} {
			checkOrder(t, s, fmt.Sprintf("%s?limit=%d", path, limit), "id", limit, want)
		}
		messages := field(s.list("/app/"+app+"/msg"), "id")
		checkOrder(t, s, "/app/"+app+"/msg?limit=9", "id", 9, messages)
		checkOrder(t, s, "/app/"+app+"/endpoint/"+ep+"/msg?limit=9", "id", 9, messages)
	}},
	{[]int{57}, "e2e_attempt::test_pagination_by_endpoint_and_by_msg", config{}, func(t *testing.T, s *server) {
		app := s.app()
		var eps []string
		for range 3 {
			eps = append(eps, s.endpoint(app, newReceiver(t, always(500)).URL, nil))
		}
		msgs := []string{s.message(app, "a", nil), s.message(app, "a", nil)}
		each := len(quick) + 1
		for _, msg := range msgs {
			s.attempts(app, msg, 3*each)
			path := "/app/" + app + "/attempt/msg/" + msg
			checkOrder(t, s, path+"?limit=4", "id", 4, field(s.list(path), "id"))
			for _, ep := range eps {
				if got := s.list(path + "?endpoint_id=" + ep); len(got) != each || got[0]["endpointId"] != ep {
					t.Errorf("%d attempts at one endpoint", len(got))
				}
			}
			s.do(422, "GET", path+"?limit=300", nil)
			s.do(422, "GET", path+"?iterator=BAD-$$$", nil)
		}
		for _, ep := range eps {
			path := "/app/" + app + "/attempt/endpoint/" + ep
			if got := s.list(path); len(got) != 2*each {
				t.Errorf("%d attempts at an endpoint, want %d", len(got), 2*each)
			}
			checkOrder(t, s, path+"?limit=4", "id", 4, field(s.list(path), "id"))
		}
	}},
	{[]int{60}, "e2e_attempt::test_endpoint_disable_on_sporadic_failure", config{disableAfter: disableAfter}, func(t *testing.T, s *server) {
		r, path, fail, disabled := failing(t, s)
		fail()
		time.Sleep(disableAfter + 100*time.Millisecond)
		r.says(nil) // one success, and the time begins anew
		s.attempts(path[0], s.message(path[0], "a", nil), 1)
		r.says(always(500))
		time.Sleep(100 * time.Millisecond)
		fail()
		time.Sleep(100 * time.Millisecond)
		if disabled() {
			t.Error("disabled though a message was delivered")
		}
	}},
	{[]int{60}, "e2e_attempt::test_endpoint_disable_on_repeated_failure", config{disableAfter: disableAfter}, func(t *testing.T, s *server) {
		_, path, fail, disabled := failing(t, s)
		fail()
		if disabled() {
			t.Error("disabled at once")
		}
		time.Sleep(disableAfter + 100*time.Millisecond)
		s.message(path[0], "a", nil) // on a slow machine its last attempt is withdrawn already
		eventually(t, "the endpoint is disabled", disabled)
		s.do(200, "PATCH", "/app/"+path[0]+"/endpoint/"+path[1], obj{"disabled": false})
		if disabled() {
			t.Error("it cannot be enabled")
		}
	}},
	{[]int{60}, "e2e_attempt::test_endpoint_disable_expiration_duration", config{disableAfter: disableAfter}, func(t *testing.T, s *server) {
		_, _, fail, disabled := failing(t, s)
		fail()
		time.Sleep(2*disableAfter + 100*time.Millisecond)
		fail()
		time.Sleep(100 * time.Millisecond)
		if disabled() {
			t.Error("disabled for a failure that is long ago")
		}
	}},
}

// disableAfter is for how long an endpoint may fail in the tests of that.
const disableAfter = 1500 * time.Millisecond

// failing makes an endpoint that fails: where it is, its application and id, what makes a
// message be given up there, and whether it is disabled.
func failing(t *testing.T, s *server) (r *receiver, path [2]string, fail func(), disabled func() bool) {
	r = newReceiver(t, always(500))
	path[0] = s.app()
	path[1] = s.endpoint(path[0], r.URL, nil)
	fail = func() { s.attempts(path[0], s.message(path[0], "a", nil), len(quick)+1) }
	disabled = func() bool {
		return s.do(200, "GET", "/app/"+path[0]+"/endpoint/"+path[1], nil)["disabled"].(bool)
	}
	return r, path, fail, disabled
}
