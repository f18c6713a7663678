package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// The ways of the comparison with viewers of the portal.
const (
	alone   = "alone"
	watched = "watched"
)

// viewers is how many look at the portal.
const viewers = 50

// comparePortal measures what viewers of the portal cost a gateway under load, and then how
// long its pages take with n messages beside those with few: so many looks each. It returns the goals.
func comparePortal(ctx context.Context, out io.Writer, l load, rounds, size, n, looks int) (goals []goal, err error) {
	s, err := newStage(ctx, size)
	defer s.close()
	if err != nil {
		return nil, err
	}
	goals, err = s.crowded(ctx, out, l, rounds)
	if err != nil {
		return nil, err
	}
	lists, err := s.lists(ctx, out, l, n, looks)
	if err != nil {
		return nil, err
	}
	goals = append(goals, lists...)
	writeGoals(out, goals)
	return goals, nil
}

// crowded measures by turns a gateway that is sent messages and watched, and one that is not
// watched: the same one.
func (s *stage) crowded(ctx context.Context, out io.Writer, l load, rounds int) ([]goal, error) {
	p := &producers{stage: s, load: l}
	defer p.close()
	var err error
	if p.like, err = markMessage(s.body, 0, 0); err != nil {
		return nil, err
	}
	if p.sink, err = newSink(1, -1); err != nil {
		return nil, err
	}
	if p.gate, err = p.tenants(ctx, "watched", [][]string{p.sink.urls}); err != nil {
		return nil, err
	}
	all, err := p.crowd(ctx)
	if err != nil {
		return nil, err
	}
	ways := []sending{{alone, 0, 1, false, nil}, {watched, 0, 1, false, all}}
	warm := new(measured)
	if err := p.measure(ctx, ways[0], l.warmup, warm); err != nil {
		return nil, err
	}
	// A slice is as many messages as take so long that each viewer looks.
	messages := int(float64(l.warmup) / warm.arrived.Seconds() * float64(l.seconds))
	fmt.Fprintf(out, "%d rounds of %d messages each way, some %d s; %d connections, payloads of %d bytes; %d viewers\n\n", rounds, messages, l.seconds, l.connections, len(p.like), viewers)
	samples := results{}
	for round := range rounds {
		for i := range ways {
			w := ways[i]
			if round%2 == 1 {
				w = ways[len(ways)-1-i]
			}
			m := new(measured)
			if err := p.measure(ctx, w, messages, m); err != nil {
				return nil, err
			}
			one := m.deliveries(1, messages)
			samples[w.name] = append(samples[w.name], one)
			fmt.Fprintf(out, "round %2d  %-8s %6.0f messages accepted/s   %6.0f deliveries/s   CPU %5.0f µs/delivery\n", round+1, w.name, one.rate, one.arrival, one.cpu)
		}
	}
	samples.table(out, []string{alone, watched}, accepted, delivered, deliveryCPU, batchOf)
	fmt.Fprintf(out, "\n%s\n", all)
	return []goal{
		{name: "watched/alone messages accepted/s", values: samples.ratio(watched, alone, accepted), bound: atLeast, limit: 0.95},
		{name: "watched/alone deliveries/s", values: samples.ratio(watched, alone, delivered), bound: atLeast, limit: 0.95},
		{name: "watched/alone CPU a delivery", values: samples.ratio(watched, alone, deliveryCPU)},
	}, nil
}

// crowd is viewers of the application that is sent messages: half of them at its messages,
// half at its endpoint.
func (p *producers) crowd(ctx context.Context) (*crowd, error) {
	answer, err := p.gate.ask(ctx, "/api/v1/app/"+p.gate.ids[0]+"/endpoint")
	if err != nil {
		return nil, err
	}
	endpoint, err := fieldOf(answer, "data", 0, "id")
	if err != nil {
		return nil, err
	}
	all := new(crowd)
	browsers := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: viewers}, Timeout: p.gate.client.Timeout}
	at := "/portal/app/" + p.gate.ids[0]
	for i := range viewers {
		page := at + "/messages"
		if i%2 == 1 {
			page = at + "/endpoints/" + endpoint
		}
		v, err := p.gate.viewer(ctx, browsers, 0, page)
		if err != nil {
			return nil, err
		}
		all.viewers = append(all.viewers, v)
	}
	return all, nil
}

// ask gets an answer of the API.
func (t *tenants) ask(ctx context.Context, path string) ([]byte, error) {
	return t.visit(ctx, nil, path)
}

// visit gets an answer of the API, or with a session a page.
func (t *tenants) visit(ctx context.Context, session *http.Cookie, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url+path, nil)
	if err != nil {
		return nil, err
	}
	if request.Header = t.header(); session != nil {
		request.Header = http.Header{"Cookie": {session.Name + "=" + session.Value}}
	}
	response, err := t.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: GET %s: %s: %.200s", t.name, path, response.Status, answer)
	}
	return answer, err
}

// fieldOf reads a text of an answer, at a path of names and places.
func fieldOf(answer []byte, path ...any) (string, error) {
	var at any
	if err := json.Unmarshal(answer, &at); err != nil {
		return "", err
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := at.(map[string]any)
			at = object[step]
		case int:
			list, _ := at.([]any)
			if at = nil; step < len(list) {
				at = list[step]
			}
		}
	}
	text, ok := at.(string)
	if !ok {
		return "", fmt.Errorf("there is no %v in %.200s", path, answer)
	}
	return text, nil
}
