package sender

import (
	"github.com/hookgate/hookgate/delivery"
)

// Destination returns how deliveries to an endpoint are made; ok is false for what is no
// endpoint's name. It answers from memory: whether there is such an endpoint, and what
// is its, is looked up by each attempt. It is what the engine wants of a directory.
func (s *Sender) Destination(name string) (d delivery.Destination, ok bool) {
	if !isEndpointID(name) {
		return delivery.Destination{}, false
	}
	return delivery.Destination{
		Name: name, Transport: transport{s}, Endpoint: true,
		Retry: s.Retry, Forever: s.Forever, Timeout: s.Timeout, Concurrency: s.Concurrency,
		Rate: s.limits.of(name), Settled: s.settled,
	}, true
}
