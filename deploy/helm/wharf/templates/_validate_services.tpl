{{/* What is wrong with services, and with the routes of a Gateway: see _validate.tpl. */}}

{{- define "wharf.validate.services" -}}
{{- if .Values.hostNetwork -}}
{{- range $suffix, $_ := .Values.extraServices -}}
{{- fail (printf "extraServices.%s: with hostNetwork there is no service: clients connect to the node itself." $suffix) -}}
{{- end -}}
{{- if ne .Values.service.type "ClusterIP" -}}
{{- fail (printf "service.type: with hostNetwork there is no service, neither %s nor another: clients connect to the node itself. Leave it out." .Values.service.type) -}}
{{- end -}}
{{- range list "clusterIP" "externalIPs" "loadBalancerIP" "nodePort" -}}
{{- if index $.Values.service . -}}
{{- fail (printf "service.%s: with hostNetwork there is no service: clients connect to the node itself. Leave it out." .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $suffix, $_ := .Values.extraServices -}}
{{- include "wharf.validate.format" (list "extraServices" $suffix "^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$" "is the end of a service's name: at most 22 lower-case letters, digits and hyphens") -}}
{{- if eq $suffix "pods" -}}
{{- fail "extraServices.pods: the chart has a service of that name already, the StatefulSet's own; take another end." -}}
{{- end -}}
{{- end -}}
{{- $taken := dict -}}
{{- $nodes := "" -}}
{{- range include "wharf.services" . | fromJsonArray -}}
{{- include "wharf.validate.service" (list $ .) -}}
{{- if eq .type "NodePort" -}}
{{- if $nodes -}}
{{- fail (printf "%s.type: the ports of nodes are those of `passive.ports`, and %s has them already: one service can be of type NodePort." .place $nodes) -}}
{{- end -}}
{{- $nodes = .place -}}
{{- end -}}
{{- $place := .place -}}
{{- range $key, $port := pick . "nodePort" "implicitTlsNodePort" -}}
{{- with get $taken (int $port | toString) -}}
{{- fail (printf "%s.%s: %d is that of %s already." $place $key (int $port) .) -}}
{{- end -}}
{{- if gt (int $port) 0 -}}
{{- $_ := set $taken (int $port | toString) (printf "%s.%s" $place $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- include "wharf.validate.gateway" . -}}
{{- end -}}

{{/* The chart, and one of wharf.services. */}}
{{- define "wharf.validate.service" -}}
{{- $root := index . 0 -}}
{{- $service := index . 1 -}}
{{- $place := $service.place -}}
{{- $passive := include "wharf.passive" $root | fromJson -}}
{{- $low := int $passive.low -}}
{{- $high := int $passive.high -}}
{{- $range := $root.Values.passive.ports -}}
{{- range list
  (list "type" $service.type (list "ClusterIP" "NodePort" "LoadBalancer"))
  (list "sessionAffinity" $service.sessionAffinity (list "None" "ClientIP"))
  (list "externalTrafficPolicy" $service.externalTrafficPolicy (list "Local" "Cluster"))
  (list "ipFamilyPolicy" $service.ipFamilyPolicy (list "" "SingleStack" "PreferDualStack" "RequireDualStack"))
-}}
{{- include "wharf.validate.word" (list (printf "%s.%s" $place (index . 0)) (index . 1) (index . 2)) -}}
{{- end -}}
{{- $address := "^(([0-9]{1,3}\\.){3}[0-9]{1,3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)?$" -}}
{{- range list
  (list "loadBalancerIP" (list ($service.loadBalancerIP | default "")) $address "is an IP address such as 192.0.2.7")
  (list "clusterIP" (list ($service.clusterIP | default "")) $address "is an IP address of the cluster's own; a service without one can't lead clients anywhere")
  (list "externalIPs" $service.externalIPs $address "is an IP address of a node, such as 192.0.2.7")
  (list "loadBalancerSourceRanges" $service.loadBalancerSourceRanges "^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F]*:[0-9a-fA-F:.]*/[0-9]{1,3}$" "is a network such as 192.0.2.0/24")
-}}
{{- $check := . -}}
{{- range index . 1 -}}
{{- include "wharf.validate.format" (list (printf "%s.%s" $place (index $check 0)) . (index $check 2) (index $check 3)) -}}
{{- end -}}
{{- end -}}
{{- if ne $service.type "LoadBalancer" -}}
{{- range list "loadBalancerIP" "loadBalancerClass" "loadBalancerSourceRanges" -}}
{{- if index $service . -}}
{{- fail (printf "%s.%s: that is for a load balancer, and %s.type is %s: it would be for nothing. Set the type to LoadBalancer, or leave this out%s." $place . $place $service.type (eq . "loadBalancerSourceRanges" | ternary "; `networkPolicy.clients` says who may connect to any service" "")) -}}
{{- end -}}
{{- end -}}
{{- if not $service.allocateLoadBalancerNodePorts -}}
{{- fail (printf "%s.allocateLoadBalancerNodePorts: that is for a load balancer, and %s.type is %s: leave it out." $place $place $service.type) -}}
{{- end -}}
{{- end -}}
{{- $ports := dict "port" $service.port -}}
{{- $nodePorts := dict "nodePort" $service.nodePort -}}
{{- if gt (int $root.Values.ports.implicitTls) 0 -}}
{{- $_ := set $ports "implicitTlsPort" $service.implicitTlsPort -}}
{{- $_ := set $nodePorts "implicitTlsNodePort" $service.implicitTlsNodePort -}}
{{- else if gt (int $service.implicitTlsNodePort) 0 -}}
{{- fail (printf "%s.implicitTlsNodePort: ports.implicitTls is 0, so there is no such port: set ports.implicitTls, such as 2990, or leave this out." $place) -}}
{{- end -}}
{{- range $name, $value := $ports -}}
{{- if or (lt (int $value) 1) (gt (int $value) 65535) -}}
{{- fail (printf "%s.%s: %v is no port." $place $name $value) -}}
{{- end -}}
{{- if and (ge (int $value) $low) (le (int $value) $high) -}}
{{- fail (printf "%s.%s: %v is among the ports for data connections (passive.ports: %v)." $place $name $value $range) -}}
{{- end -}}
{{- end -}}
{{- if eq (int $ports.port) (int $ports.implicitTlsPort) -}}
{{- fail (printf "%s.implicitTlsPort: %v is that of %s.port already." $place $service.port $place) -}}
{{- end -}}
{{- $isNodePort := eq $service.type "NodePort" -}}
{{- if and $isNodePort (or (lt $low 30000) (gt $high 32767)) -}}
{{- fail (printf "passive.ports: with %s.type NodePort, clients connect to the ports of nodes, which lie between 30000 and 32767, not in %v." $place $range) -}}
{{- end -}}
{{- range $name, $value := $nodePorts -}}
{{- if gt (int $value) 0 -}}
{{- if eq $service.type "ClusterIP" -}}
{{- fail (printf "%s.%s: a service of type ClusterIP has no ports of nodes; set %s.type to NodePort or LoadBalancer, or leave this out." $place $name $place) -}}
{{- end -}}
{{- if or (lt (int $value) 30000) (gt (int $value) 32767) -}}
{{- fail (printf "%s.%s: %v: ports of nodes lie between 30000 and 32767." $place $name $value) -}}
{{- end -}}
{{- if and $isNodePort (ge (int $value) $low) (le (int $value) $high) -}}
{{- fail (printf "%s.%s: %v is among the ports for data connections (passive.ports: %v)." $place $name $value $range) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wharf.validate.gateway" -}}
{{- $gateway := .Values.gateway -}}
{{- if $gateway.enabled -}}
{{- if .Values.hostNetwork -}}
{{- fail "gateway.enabled: routes lead to the service, and with hostNetwork there is none: clients connect to the node itself." -}}
{{- end -}}
{{- if not $gateway.parentRefs -}}
{{- fail "gateway.parentRefs: which Gateway has the listeners? `[{ name: ftp, namespace: gateways }]`." -}}
{{- end -}}
{{- range $number, $parent := $gateway.parentRefs -}}
{{- if not $parent.name -}}
{{- fail (printf "gateway.parentRefs[%d]: the name of a Gateway is missing." $number) -}}
{{- end -}}
{{- if or (hasKey $parent "port") (hasKey $parent "sectionName") -}}
{{- fail (printf "gateway.parentRefs[%d]: each route gets a listener of its own, by its port or, with gateway.attachBy: sectionName, by its name (ftp, ftps, passive-%d): leave port and sectionName out." $number (int (include "wharf.passive" $ | fromJson).low)) -}}
{{- end -}}
{{- end -}}
{{- $others := gt (int .Values.ports.implicitTls) 0 | ternary 2 1 -}}
{{- $count := add $others (include "wharf.passive" . | fromJson).count -}}
{{- if gt $count 64 -}}
{{- fail (printf "gateway: a Gateway has at most 64 listeners, and %d ports need one each; passive.ports may have %d." $count (sub 64 $others)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
