package api

import "net/http"

// Where things are.
const (
	pathApp      = "/app/{app_id}"
	pathEndpoint = pathApp + "/endpoint/{endpoint_id}"
	pathMessage  = pathApp + "/msg/{msg_id}"
	pathAttempt  = pathMessage + "/attempt/{attempt_id}"
	pathType     = "/event-type/{event_type_name}"
)

var (
	ok        = []int{http.StatusOK}
	created   = []int{http.StatusCreated}
	replaced  = []int{http.StatusOK, http.StatusCreated}
	accepted  = []int{http.StatusAccepted}
	noContent = []int{http.StatusNoContent}
)

// routes are all the operations there are. What a token of an application needs for one
// of its own is said beside it; reading it needs ViewBase.
var routes []route

func init() { routes = table() } // the document, which a row returns, is made of the table

func table() []route {
	return []route{
		{"v1.application.create", "POST", "/app", Organisations, "", []int{http.StatusCreated, http.StatusOK}, []param{paramExisting}, changing(createApplication), "Creates an application."},
		{"v1.application.list", "GET", "/app", Organisations, "", ok, orderParams, reading(listApplications), "Lists the applications."},
		{"v1.application.get", "GET", pathApp, Owners, ViewBase, ok, nil, reading(getApplication), "Returns an application."},
		{"v1.application.upsert", "PUT", pathApp, Organisations, "", replaced, nil, changing(putApplication), "Replaces an application, or creates it."},
		{"v1.application.patch", "PATCH", pathApp, Organisations, "", ok, nil, changing(patchApplication), "Changes some of an application."},
		{"v1.application.delete", "DELETE", pathApp, Organisations, "", noContent, nil, changing(deleteApplication), "Deletes an application."},

		{"v1.endpoint.create", "POST", pathApp + "/endpoint", Owners, ManageEndpoint, created, nil, changing(createEndpoint), "Creates an endpoint."},
		{"v1.endpoint.list", "GET", pathApp + "/endpoint", Owners, ViewBase, ok, orderParams, reading(listEndpoints), "Lists the endpoints of an application."},
		{"v1.endpoint.get", "GET", pathEndpoint, Owners, ViewBase, ok, nil, reading(getEndpoint), "Returns an endpoint."},
		{"v1.endpoint.upsert", "PUT", pathEndpoint, Owners, ManageEndpoint, replaced, nil, changing(putEndpoint), "Replaces an endpoint, or creates it."},
		{"v1.endpoint.patch", "PATCH", pathEndpoint, Owners, ManageEndpoint, ok, nil, changing(patchEndpoint), "Changes some of an endpoint."},
		{"v1.endpoint.delete", "DELETE", pathEndpoint, Owners, ManageEndpoint, noContent, nil, changing(deleteEndpoint), "Deletes an endpoint."},
		{"v1.endpoint.get-secret", "GET", pathEndpoint + "/secret", Owners, ViewEndpointSecret, ok, nil, reading(getSecret), "Returns the signing secret of an endpoint."},
		{"v1.endpoint.rotate-secret", "POST", pathEndpoint + "/secret/rotate", Owners, ManageEndpointSecret, noContent, nil, changing(rotateSecret), "Gives an endpoint another signing secret."},
		{"v1.endpoint.get-headers", "GET", pathEndpoint + "/headers", Owners, ViewBase, ok, nil, reading(getHeaders), "Returns the headers that are sent to an endpoint."},
		{"v1.endpoint.set-headers", "PUT", pathEndpoint + "/headers", Owners, ManageEndpoint, noContent, nil, changing(putHeaders), "Replaces the headers that are sent to an endpoint."},
		{"v1.endpoint.patch-headers", "PATCH", pathEndpoint + "/headers", Owners, ManageEndpoint, noContent, nil, changing(patchHeaders), "Changes some of the headers that are sent to an endpoint."},
		{"v1.endpoint.get-stats", "GET", pathEndpoint + "/stats", Owners, ViewBase, ok, []param{paramSince, paramUntil}, reading(getStats), "Counts the attempts at an endpoint by what became of them."},
		{"v1.endpoint.recover", "POST", pathEndpoint + "/recover", Owners, CreateAttempts, accepted, nil, acting(recoverFailed), "Sends again what has failed since a time."},
		{"v1.endpoint.replay-missing", "POST", pathEndpoint + "/replay-missing", Owners, CreateAttempts, accepted, nil, acting(replayMissing), "Sends what was never sent to an endpoint, since a time."},
		{"v1.endpoint.bulk-replay", "POST", pathEndpoint + "/bulk-replay", Owners, CreateAttempts, accepted, nil, acting(bulkReplay), "Sends again what a filter selects."},
		{"v1.endpoint.send-example", "POST", pathEndpoint + "/send-example", Owners, CreateAttempts, accepted, nil, acting(sendExample), "Sends the example of an event type to an endpoint."},

		{"v1.event-type.create", "POST", "/event-type", Organisations, "", created, nil, changing(createEventType), "Creates an event type."},
		{"v1.event-type.list", "GET", "/event-type", Everybody, ViewBase, ok, append([]param{paramArchived, paramContent}, orderParams...), reading(listEventTypes), "Lists the event types."},
		{"v1.event-type.get", "GET", pathType, Everybody, ViewBase, ok, nil, reading(getEventType), "Returns an event type."},
		{"v1.event-type.upsert", "PUT", pathType, Organisations, "", replaced, nil, changing(putEventType), "Replaces an event type, or creates it."},
		{"v1.event-type.patch", "PATCH", pathType, Organisations, "", ok, nil, changing(patchEventType), "Changes some of an event type."},
		{"v1.event-type.delete", "DELETE", pathType, Organisations, "", noContent, []param{paramExpunge}, changing(deleteEventType), "Archives an event type, or deletes it."},

		{"v1.message.create", "POST", pathApp + "/msg", Organisations, "", accepted, []param{paramContent}, readingIn(createMessage), "Sends a message to the endpoints of an application."},
		{"v1.message.list", "GET", pathApp + "/msg", Owners, ViewBase, ok, append([]param{paramChannel, paramTag, paramTypes, paramContent}, windowParams...), reading(listMessages), "Lists the messages of an application."},
		{"v1.message.get", "GET", pathMessage, Owners, ViewBase, ok, []param{paramContent}, reading(getMessage), "Returns a message."},
		{"v1.message.expunge-content", "DELETE", pathMessage + "/content", Organisations, "", noContent, nil, acting(expungeMessage), "Deletes the payload of a message."},

		{"v1.message-attempt.list-by-endpoint", "GET", pathApp + "/attempt/endpoint/{endpoint_id}", Owners, ViewBase, ok, append([]param{paramStatus, paramClass, paramChannel, paramTag, paramTypes, paramContent, paramMessage}, windowParams...), reading(listByEndpoint), "Lists the attempts at an endpoint."},
		{"v1.message-attempt.list-by-msg", "GET", pathApp + "/attempt/msg/{msg_id}", Owners, ViewBase, ok, append([]param{paramEndpoint, paramStatus, paramClass, paramChannel, paramTag, paramTypes, paramContent, paramMessage}, windowParams...), reading(listByMessage), "Lists the attempts of a message."},
		{"v1.message-attempt.list-attempted-messages", "GET", pathEndpoint + "/msg", Owners, ViewBase, ok, append([]param{paramStatus, paramChannel, paramTag, paramTypes, paramContent}, windowParams...), reading(listAttemptedMessages), "Lists the messages for an endpoint, as they stand there."},
		{"v1.message-attempt.list-attempted-destinations", "GET", pathMessage + "/endpoint", Owners, ViewBase, ok, pageParams, reading(listAttemptedDestinations), "Lists the endpoints that a message is for, as it stands there."},
		{"v1.message-attempt.get", "GET", pathAttempt, Owners, ViewBase, ok, nil, reading(getAttempt), "Returns an attempt."},
		{"v1.message-attempt.expunge-content", "DELETE", pathAttempt + "/content", Organisations, "", noContent, nil, changing(expungeAttempt), "Deletes the response of an attempt."},
		{"v1.message-attempt.resend", "POST", pathMessage + "/endpoint/{endpoint_id}/resend", Owners, CreateAttempts, accepted, nil, changing(resend), "Sends a message to an endpoint again."},

		{"v1.authentication.app-portal-access", "POST", "/auth/app-portal-access/{app_id}", Organisations, "", ok, nil, changing(portalAccess), "Makes a link to the portal, and a token, for an application."},
		{"v1.authentication.dashboard-access", "POST", "/auth/dashboard-access/{app_id}", Organisations, "", ok, nil, changing(dashboardAccess), "Makes a link to the portal, and a token, for an application. Older SDKs call it."},
		{"v1.authentication.expire-all", "POST", "/auth/app/{app_id}/expire-all", Organisations, "", noContent, nil, changing(expireAll), "Ends the tokens of an application."},
		{"v1.authentication.logout", "POST", "/auth/logout", Applications, "", noContent, nil, changing(logout), "Ends the token that it comes with."},
		{"v1.authentication.one-time-token", "POST", "/auth/one-time-token", Public, "", ok, nil, readingIn(exchangeCode), "Exchanges the code of a link to the portal for a token."},

		{"v1.background-task.list", "GET", "/background-task", Organisations, "", ok, orderParams, reading(listTasks), "Lists the tasks."},
		{"v1.background-task.get", "GET", "/background-task/{task_id}", Everybody, ViewBase, ok, nil, reading(getTask), "Returns a task."},

		{"v1.health.get", "GET", "/health", Public, "", ok, nil, reading(getHealth), "Says whether the gateway works."},
		{"v1.health.ping", "GET", "/health/ping", Public, "", noContent, nil, reading(ping), "Says that the gateway is there."},
		{"v1.openapi.get", "GET", "/openapi.json", Public, "", ok, nil, reading(getDocument), "Returns this document."},
	}
}
