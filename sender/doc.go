// Package sender is the sending side: applications, their endpoints, event types
// and messages, and how a message is brought to an endpoint, signed.
//
// A message is an event of the store whose source is its application, with one
// delivery for each endpoint that takes it. Ids are computed of what is stored, so that
// there is no table for them: see id.go. Changes are functions of a transaction of
// the store, for callers who have something of their own to put into it; what has to
// happen after the commit, such as that an endpoint's settings are read anew, happens by
// itself.
package sender
