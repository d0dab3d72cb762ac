"""Values that are wrong, and values that YAML might take for something else."""

import base64
import json
import pathlib
import re
import tempfile
import unittest

import yaml

from cluster import Cluster
from support import CHART, HASH, HELMS, ROOT, SENTENCE, Pod, helm, manifests, one, refused, run, template, wharf

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
CONFIGURATION = json.loads((ROOT / "config/wharf.schema.json").read_text())

DEMO = "users[0].name=demo,users[0].backend=scratch"
LOCAL = "backends.disk.kind=local,backends.disk.root=/srv/ftp/files"
ON_DISK = "users[0].name=demo,users[0].backend=disk"
S3 = "backends.lake.kind=s3,backends.lake.bucket=b,backends.lake.region=r"
MOUNT = "extraVolumes[0].name=a,extraVolumeMounts[0].name=a,extraVolumeMounts[0].mountPath"
EMPTY = "extraVolumes[0].emptyDir.medium=Memory"
SPOOL_ON_DISK = "config.events.spool.backend=disk,config.events.spool.path=.wharf/events"
INNER = "extraVolumes[1].name=b,extraVolumeMounts[1].name=b,extraVolumeMounts[1].mountPath"
HOST = "tls.settings.certificates[0]"
OWN_KEY = "tls.mode=required,tls.settings.certificate=/run/public/c,tls.settings.key=/run/own/k"
SEVERAL = "replicas=3,backends.scratch=null,backends.lake.kind=s3,backends.lake.bucket=a,backends.lake.region=a,backends.lake.anonymous=true,users[0].name=a,users[0].backend=lake"

SENTENCES = {
    "passive.ports=5-1": "passive.ports: the range 5-1 ends before it begins.",
    "passive.ports=80-90": "ports lie between 1024 and 65535",
    "passive.ports=many": 'passive.ports: "many" is wrong; it is a range such as 61000-61031, or one port.',
    "passive.ports=50000-59999": "a service can't have 10000 ports",
    "passive.ports=2000-2200": "ports.control: 2121 is among the ports for data connections",
    "passive.address=a b": 'passive.address: "a b" is wrong',
    "replicas=-1": "replicas: -1 is wrong; 0 stops the server.",
    "replicas=3": "backends.scratch: each replica would have a memory of its own",
    f"{SEVERAL},hostNetwork=true": "hostNetwork: the pod has the name of its node there",
    f"{SEVERAL},persistence.enabled=true": "persistence: each replica would have a volume of its own",
    f"{SEVERAL},passive.ports=61000-61009": "passive.ports: 3 replicas with 8 ports each (cluster.portsPerReplica) need 24 ports, and there are 10.",
    f"{SEVERAL},cluster.portsPerReplica=0": "cluster.portsPerReplica: each replica needs at least one port.",
    f"{SEVERAL},cluster.sessions=-1": "cluster.sessions: this is the most sessions in all replicas together",
    f"{SEVERAL},cluster.clientAddresses=hidden": 'cluster.clientAddresses: there is no "hidden"',
    f"{SEVERAL},ports.relay=2121": "ports.relay: 2121 is that of ports.control already.",
    f"{SEVERAL},ports.relay=61001": "ports.relay: 61001 is among the ports for data connections",
    f"{SEVERAL},config.server.engine=libunftp": "config.server.engine: libunftp can't be one of several replicas.",
    f"{SEVERAL},autoscaling.enabled=true,autoscaling.minReplicas=5": "autoscaling: there can't be from 5 to 4 replicas.",
    "config.cluster.index=1": "config.cluster: that is made of the values `replicas`, `cluster` and `ports.relay`.",
    "tls.mode=sometimes": 'tls.mode: there is no "sometimes"; it is off, optional, required, required-control, required-data.',
    "tls.mode=true": 'tls.mode: there is no "on"',
    "tls.mode=required": "tls.existingSecret, tls.certManager.enabled, or tls.settings.certificate and tls.settings.key,",
    "tls.mode=required,tls.settings.certificate=/run/a/tls.crt": "so a certificate is needed",
    "tls.mode=required,tls.settings.certificate=/a,tls.settings.key=-----BEGIN": "tls.settings.key: that is the whole path",
    f"tls.mode=required,tls.existingSecret=a,{HOST}.certificate=/a,{HOST}.key=-----BEGIN": "certificates[0].key: the whole path",
    f"tls.mode=required,tls.existingSecret=a,{HOST}.key=/a": "certificates[0].certificate: the whole path of a file",
    "tls.mode=off,tls.settings.key=-----BEGIN": "tls.settings.key: that is the whole path of a file",
    "tls.settings.certificate=-----BEGIN": "tls.settings.certificate: that is the whole path of a file",
    "tls.mode=required,tls.certManager.enabled=true": "issuerRef.name is missing",
    "tls.mode=required,tls.existingSecret=a,tls.certManager.enabled=true": "not both",
    "tls.mode=required,tls.certManager.enabled=true,tls.certManager.issuerRef.name=a": "dnsNames is empty",
    "tls.mode=required,tls.existingSecret=a,tls.settings.mode=optional": "that is the value `tls.mode`",
    "ports.implicitTls=2990": "ports.implicitTls needs a certificate",
    "ports.control=21": "ports.control: 21: the pod has no privilege",
    "hostNetwork=true,ports.control=21": "also with hostNetwork",
    "ports.control=9121": "ports.http: 9121 is that of ports.control already.",
    "service.type=NodePort": "which lie between 30000 and 32767",
    "service.type=NodePort,passive.ports=30000-30010,service.nodePort=30005": "service.nodePort: 30005 is among the ports",
    "service.type=NodePort,passive.ports=30000-30010,service.nodePort=21": "service.nodePort: 21: ports of nodes lie between",
    "service.type=Loadbalancer": 'service.type: there is no "Loadbalancer"',
    "service.sessionAffinity=clientIP": 'service.sessionAffinity: there is no "clientIP"',
    "service.port=61000": "service.port: 61000 is among the ports for data connections",
    "service.port=0": "service.port: 0 is no port.",
    "ports.implicitTls=2990,tls.mode=optional,tls.existingSecret=a,service.implicitTlsPort=21": "21 is that of service.port",
    "service.loadBalancerSourceRanges[0]=everywhere": 'service.loadBalancerSourceRanges: "everywhere" is wrong',
    "proxyProtocol.trusted[0]=10.0.0.0": "is a network such as 10.0.0.0/8",
    "hostNetwork=true,networkPolicy.enabled=true": "networkPolicy.enabled: a policy says nothing of pods in the node's own network",
    "httpListenAddress=127.0.0.1": "httpListenAddress: that is for hostNetwork",
    "hostNetwork=true,httpListenAddress=127.0.0.1,serviceMonitor.enabled=true": "Prometheus can't reach 127.0.0.1",
    "listenAddress=localhost": 'listenAddress: "localhost" is wrong',
    "listenAddress=127.0.0.1": "listenAddress: 127.0.0.1 can be reached from inside of the pod alone",
    "listenAddress=[0:0:0:0:0:0:0:1]": "neither by clients nor by the probes of the kubelet",
    "listenAddress=[::ffff:127.0.0.1]": "neither by clients nor by the probes of the kubelet",
    "image.digest=abc": 'image.digest: "abc" is wrong',
    "image.pullPolicy=always": 'image.pullPolicy: there is no "always"',
    "temporarySize=much": 'temporarySize: "much" is wrong',
    "shutdownGraceSeconds=-1": "shutdownGraceSeconds: -1 is wrong",
    "fullnameOverride=Wharf_1": "services can't be named Wharf_1",
    "fullnameOverride=1st": "services can't be named 1st",
    "persistence.enabled=true,persistence.mountPath=/tmp": "persistence.mountPath: at /tmp it would hide /tmp, which",
    "persistence.enabled=true,persistence.mountPath=/etc/wharf/config": "it would hide /etc/wharf/config",
    "persistence.enabled=true,persistence.mountPath=/usr//local/": "at /usr/local it would hide /usr/local/bin/wharf",
    "persistence.enabled=true,persistence.mountPath=/etc/ssl": "it would hide /etc/ssl/certs/ca-certificates.crt",
    "persistence.enabled=true,persistence.mountPath=/run": "it would hide /run/wharf/secrets",
    "persistence.enabled=true,persistence.mountPath=/run/wharf/secrets/a": "nothing can be mounted in /run/wharf/secrets",
    "tls.mode=required,tls.existingSecret=a,persistence.enabled=true,persistence.mountPath=/etc/wharf/tls/a": "in /etc/wharf/tls;",
    "persistence.enabled=true,persistence.mountPath=/a:b": "is no folder that a volume can be mounted at",
    "persistence.enabled=true,persistence.mountPath=/": "is no folder that a volume can be mounted at",
    "backends=null": "backends: there is none",
    "backends.lake.kind=s4": 'backends.lake.kind: "s4" is wrong; it is one of local, memory, s3, gcs, azure.',
    "backends.lake.bucket=a": "backends.lake.kind: there is none",
    "backends.a b.kind=memory": '"a b" can\'t be a name: no spaces,',
    "backends.lake.kind=memory,backends.lake.bucket=a": "backends.lake.bucket: kind memory has no such key; it has capacity.",
    f"{S3},backends.lake.access-key=x": "backends.lake.access-key: kind s3 has no such key; it has bucket, region, prefix,",
    f"{S3},backends.lake.secretAccessKey=x": "under backends.lake.secrets, access_key_id, secret_access_key, session_token, sse_customer_key.",
    f"{S3},backends.lake.secrets.access_key.value=x": "backends.lake.secrets.access_key: kind s3 has no such secret; it has access",
    "backends.lake.kind=memory,backends.lake.secrets.access_key.value=x": "kind memory has no such secret; it has none.",
    f"{S3},backends.lake.endpoint=https://key:secret@store.example.com": "backends.lake.endpoint: it is a URL such as",
    f"{S3},backends.lake.endpoint=https://store.example.com/?sig=abc": "without a user, a password or a query",
    f"{S3},backends.lake.endpoint=store.example.com": "backends.lake.endpoint: it is a URL such as",
    f"{S3},backends.lake.endpoint=https://marker%40store.example.com": "nor % in its host; credentials stand under",
    f"{S3},backends.lake.access_key_id.env=a-b": "backends.lake.access_key_id.env: that is the name of a variable, such as",
    f"{S3},backends.lake.access_key_id.env=7": "backends.lake.access_key_id.env: that is the name of a variable, such as",
    f"{S3},backends.lake.access_key_id.file=key": "backends.lake.access_key_id.file: that is the whole path of a file, such",
    f"{S3},backends.lake.access_key_id.file=": "backends.lake.access_key_id.file: that is the whole path of a file, such",
    "backends.lake.kind=s3,backends.lake.secret_access_key=x": "a secret stands under backends.lake.secrets",
    "backends.lake.kind=s3,backends.lake.secret_access_key.value=x": "a secret stands under backends.lake.secrets",
    "backends.lake.kind=s3,backends.lake.access_key_id.env=A,backends.lake.access_key_id.value=x": "or `{ file: PATH }` alone",
    "backends.lake.kind=s3,backends.lake.access_key_id.env=A,backends.lake.secrets.access_key_id.value=x": "as well",
    "backends.lake.kind=s3,backends.lake.secrets.access_key_id.key=x": "either `value`, or `existingSecret`",
    f"{LOCAL},{ON_DISK}": "backends.disk.root: /srv/ftp/files is on no volume",
    f"{LOCAL},{ON_DISK},persistence.enabled=true,persistence.mountPath=/srv/other": "is on no volume",
    f"{LOCAL},{ON_DISK},persistence.enabled=true,persistence.mountPath=/srv/ftp/files/below": "is on no volume",
    f"{LOCAL},{ON_DISK},users[0].permissions=upload-only": "is on no volume",
    f"{LOCAL},{DEMO},users[0].mounts[0].at=/a,users[0].mounts[0].backend=disk": "is on no volume",
    f"{LOCAL},config.anonymous.enabled=true,config.anonymous.backend=disk,config.anonymous.permissions=full": "is on no volume",
    f"{LOCAL},backends.disk.create_root=true": "is on no volume",
    "backends.disk.kind=local,backends.disk.root=/": "backends.disk.root: / is or holds /etc/wharf/config",
    "backends.disk.kind=local,backends.disk.root=/run/wharf//secrets": "holds /run/wharf/secrets, which is the server's own",
    f"backends.disk.kind=local,backends.disk.root=/run/own,{OWN_KEY}": "/run/own is or holds the file of tls.settings.key, which",
    f"backends.disk.kind=local,backends.disk.root=/run/own,tls.mode=required,tls.existingSecret=a,{HOST}.certificate=/a,{HOST}.key=/run/own/k": "/run/own is or holds the file of tls.settings.certificates[0].key, which",
    f"backends.disk.kind=local,backends.disk.root=/run//own/k/,{OWN_KEY}": "holds the file of tls.settings.key, which is the server's",
    f"backends.disk.kind=local,backends.disk.root=/run/public,{OWN_KEY}": "holds the file of tls.settings.certificate, which is",
    f"{S3},{LOCAL},backends.lake.access_key_id.file=/srv/ftp/files/k,backends.lake.secret_access_key.env=B,{DEMO}": "holds the file of backends.lake.access_key_id, which",
    f"{LOCAL},{ON_DISK},{MOUNT}=/srv/ftp,extraVolumeMounts[0].readOnly=true": "is on no volume that can be written",
    f"{LOCAL},{ON_DISK},persistence.enabled=true,{MOUNT}=/srv/ftp/files,extraVolumeMounts[0].readOnly=true": "is on no volume",
    f"{LOCAL},{ON_DISK},{INNER}=/srv/ftp/files/,{MOUNT}=/srv,extraVolumeMounts[1].readOnly=true": "is on no volume that can be",
    "config.events.to[0].url=https://a,config.events.to[0].secret=whsec_a": "config.events.to.secret: a secret would end in a ConfigMap",
    "config.events.to[0].url=https://a,config.events.to[0].more_secrets[0]=whsec_a": "config.events.to.more_secrets: a secret would",
    "config.events.to[0].true[0]=file.stored": "config.events.to: Helm takes the word `on` for true, so write this key in quotes:",
    "config.events.spool=events": "config.events.spool: the whole path of a folder is needed, such as /var/lib/wharf/events.",
    "config.events.spool=/var/lib/wharf/events": "config.events.spool: /var/lib/wharf/events is on no volume that can be written; extra",
    f"config.events.spool=/var/events,{MOUNT}=/var/events,extraVolumeMounts[0].readOnly=true": "is on no volume that can be written",
    "config.events.spool=/tmp/events": "config.events.spool: /tmp/events goes with the pod",
    f"config.events.spool=/a/b,{MOUNT}=/a,{EMPTY}": "config.events.spool: /a/b goes with the pod",
    "config.events.spool.backend=scratch,config.events.spool.path=e": "config.events.spool: the backend scratch goes with the pod",
    f"{LOCAL},{SPOOL_ON_DISK}": "config.events.spool: the root of the backend disk, /srv/ftp/files, goes with the pod",
    f"{LOCAL},{SPOOL_ON_DISK},{MOUNT}=/srv/ftp,{EMPTY}": "config.events.spool: the root of the backend disk, /srv/ftp/files, goes",
    f"backends.disk.kind=local,backends.disk.root=/tmp/files,{SPOOL_ON_DISK}": "the root of the backend disk, /tmp/files, goes with the pod",
    f"{LOCAL},{ON_DISK},persistence.enabled=true,config.events.spool=/srv/ftp/files/e": "is in the root of the backend disk, whose users",
    f"{MOUNT}=/tmp/": "extraVolumeMounts: at /tmp the chart has temporary files already.",
    f"{MOUNT}=/etc/wharf/config": "extraVolumeMounts: at /etc/wharf/config the chart has the configuration already.",
    f"{MOUNT}=/run/wharf/secrets": "extraVolumeMounts: at /run/wharf/secrets the chart has secrets already.",
    f"usersFrom.existingSecret=a,{MOUNT}=/run/wharf/users/secret": "at /run/wharf/users/secret the chart has files of users already.",
    "usersFrom.sidecar.enabled=true,serviceAccount.create=false": "could read the Secrets of the namespace; serviceAccount.create",
    "usersFrom.sidecar.resource=pods": 'usersFrom.sidecar.resource: there is no "pods"; it is secret, configmap, both.',
    "usersFrom.sidecar.label=a b": "usersFrom.sidecar.label: \"a b\" is wrong",
    "usersFrom.existingConfigMap=a,backends.disk.kind=local,backends.disk.root=/run/wharf/users": "holds /run/wharf/users, which is",
    f"tls.mode=required,tls.existingSecret=a,{MOUNT}=/etc/wharf/tls": "at /etc/wharf/tls the chart has the certificate already.",
    f"persistence.enabled=true,{MOUNT}=/srv/ftp": "extraVolumeMounts: at /srv/ftp the chart has persistence already.",
    "backends.disk.kind=local,persistence.enabled=true": "backends.disk.root: a directory is missing, such as /srv/ftp/files.",
    "users[0].name=a,users[0].backend=nowhere": "there is none of that name",
    "users[0].name=a": "users: a has no backend.",
    "users[0].backend=scratch": "users: number 1 has no name.",
    "users[0].name=a b,users[0].backend=scratch": '"a b" can\'t be a name',
    "users[0].name=ftp,users[0].backend=scratch": "is no user but the login without a password",
    f"{DEMO},users[1].name=demo,users[1].backend=scratch": "two of the name demo",
    f"{DEMO},users[0].password=x,users[0].passwordHash=$y": "more than one of",
    f"{DEMO},users[0].passwordHash=y": "a passwordHash that is none",
    f"{DEMO},users[0].existingSecret.name=y": "needs `name` and `key`",
    f"{DEMO},users[0].permissions=readonly": 'the permission "readonly", and there is no such; there are full, read-only,',
    f"{DEMO},users[0].permissions[0]=list,users[0].permissions[1]=write": 'the permission "write"',
    f"{DEMO},users[0].mounts[0].at=/a": "a mount that needs `at`",
    f"{DEMO},users[0].mounts[0].at=/a,users[0].mounts[0].backend=lake": "the mount at /a has the backend lake, and there is none",
    f"{DEMO},users[0].mounts[0].at=/,users[0].mounts[0].backend=scratch": "a mount can't stand at /",
    f"{DEMO},users[0].mounts[0].at=/a,users[0].mounts[0].backend=scratch,users[0].mounts[0].permissions=all": 'permission "all"',
    "config.users.a=1": "config.users: that is the value `users`",
    "config.backends.a=1": "config.backends: that is the value `backends`",
    "config.anonymous.enabled=true,config.anonymous.backend=lake": "config.anonymous has the backend lake, and there is none",
    "config.server.listen[0]=0.0.0.0:21": "config.server.listen: that is the value `ports.control` (and `listenAddress`)",
    "config.server.implicit_tls_listen[0]=0.0.0.0:990": "that is the value `ports.implicitTls`",
    "config.server.passive.ports=5-6": "that is the value `passive.ports`",
    "config.server.passive.address=a": "that is the value `passive.address`",
    "config.server.shutdown_grace=5m": "that is the value `shutdownGraceSeconds`",
    "config.server.proxy_protocol.trusted[0]=10.0.0.0/8": "that is the value `proxyProtocol.trusted`",
    "config.http.listen[0]=0.0.0.0:80": "that is the value `ports.http`",
    "config.server.passive=5": "config.server.passive: that is a section, with keys of its own.",
    "config.server.limits=5": "config.server.limits: that is a section, with keys of its own.",
    "config.server.limits[0].sessions=5": "config.server.limits: that is a section, with keys of its own.",
    "config.server.Passive.ports=5-6": "config.server.Passive: there is no such key (did you mean passive?); there are active, active_on_this_machine, ascii_size,",
    "config.server.limits.session=5": "config.server.limits.session: there is no such key (did you mean sessions?); there are buffer_memory, connections_per_ip, deflate_level,",
    "config.lockout.failure=5": "config.lockout.failure: there is no such key (did you mean failures?); there are always, failures, for, never, within.",
    "config.scan.clam=a": "config.scan.clam: there is no such key (did you mean clamd?); there are clamd, connections, icap, over, paths, quarantine, timeout, unavailable.",
    "config.users_from[0].folder=a": "config.users_from.folder: there is no such key; there are ca_file, cache, defaults, directory, http, jwt, ldap, sql, timeout, token.",
    "config.users_from[0].defaults=a": "config.users_from.defaults: that is a section, with keys of its own.",
    "config.users_from[0].jwt.map[0].group=a": "config.users_from.jwt.map.group: there is no such key; there are claim, entry, has.",
    "config.users_from[0].jwt.keys.token=a": "config.users_from.jwt.keys.token: a secret would end in a ConfigMap; here it is",
    "config.users_from[0].token=a": "config.users_from.token: a secret would end in a ConfigMap; here it is",
    "config.users_from[0].ldap.bind_password=a": "config.users_from.ldap.bind_password: a secret would end in a ConfigMap; here it is",
    "config.users_from[0].token=a": "config.users_from.token: a secret would end in a ConfigMap; here it is",
    "config.users_from[0].sql.url=a": "config.users_from.sql.url: a secret would end in a ConfigMap; here it is",
    "config.users_from[0].token.value=a": "config.users_from.token: a secret would end in a ConfigMap; here it is",
    "config.server.passive.address_for[0].client=a": "config.server.passive.address_for.client: there is no such key (did you mean clients?); there",
    "config.server.passive.address_for=a": "config.server.passive.address_for: that is a list of sections.",
    "config.anonymous.password=a": "config.anonymous.password: there is no such key; there are backend, enabled, mounts,",
    "config.anonymous.mounts[0].password=a": "config.anonymous.mounts.password: there is no such key; there are at, backend,",
    "config.http.token=a": "config.http.token: there is no such key; there are admin, listen.",
    "config.http.admin.token=a": "config.http.admin.token: a secret would end in a ConfigMap; here it is",
    "config.http.admin.read_only_token=a": "config.http.admin.read_only_token: a secret would end in a ConfigMap; here it is",
    "config.log.filter.a=b": "config.log.filter: that has no keys of its own.",
    "tls.mode=required,tls.existingSecret=a,config.tls.key_pem=a": "config.tls.key_pem: there is no such key (did you mean key?); there are cert",
    "tls.settings.private_key=a": "tls.settings.private_key: there is no such key (did you mean key?); there are certificate, certificates, cipher_suites,",
    f"{S3},backends.lake.prefix.password=a": "backends.lake.prefix: that has no keys of its own.",
    "config.server.passive.ports=false": "that is the value `passive.ports`",
    "config.log.filter=debug,existingConfigMap.name=mine": "config: the ConfigMap of existingConfigMap has the whole",
    "backends.lake.kind=s3": "backends.lake.bucket is missing, which kind s3 needs.",
    "backends.lake.kind=azure,backends.lake.account=a": "backends.lake.container is missing",
    "config.tls.client_authorities=a": "config.tls: tls.mode is off",
    "tls.existingSecret=a": "tls.existingSecret: tls.mode is off, so it would be for nothing, and passwords and files would travel in plain text",
    "tls.certManager.enabled=true,tls.certManager.issuerRef.name=a,tls.certManager.dnsNames[0]=a.b": "tls.certManager.enabled: tls.mode is off",
    "tls.settings.min_version=1.3": "tls.settings: tls.mode is off, so it would be for nothing",
    "backends.lake.kind=s3,backends.lake.bucket=b": "backends.lake.region is missing: where is the bucket?",
    S3: "backends.lake: there are no credentials, or not all: give them under backends.lake.secrets (access_key_id, secret_access_key), or",
    "backends.lake.kind=gcs,backends.lake.bucket=b": "backends.lake.secrets (service_account_key), or say `ambient_credentials: true`",
    "backends.lake.kind=azure,backends.lake.account=a,backends.lake.container=b": "backends.lake.secrets (access_key, sas_token)",
    f"{S3},backends.lake.secrets.secret_access_key.value=x": "backends.lake: there are no credentials, or not all",
    f"{S3},backends.lake.secrets.sse_customer_key.value=x": "backends.lake: there are no credentials, or not all",
    f"{S3},backends.lake.anonymous=false": "backends.lake: there are no credentials, or not all",
    "replicas=3,users=null,usersFrom.existingSecret=a": "backends: several replicas need a bucket, or a volume that all of them mount, and there is none",
    f"{SEVERAL.replace('backends.scratch=null,', '')},config.users_from[0].directory=/a,config.users_from[0].defaults.backend=scratch": "backends.scratch: each replica",
    "existingConfigMap.name=mine,backends.lake.kind=memory": "backends.lake: the ConfigMap of existingConfigMap has the whole configuration",
    "existingConfigMap.name=mine,users[0].name=anna": "users: the ConfigMap of existingConfigMap has the whole configuration, so anna could not log in;",
    f"{SEVERAL},cluster.existingSecret.moreKeys[0]=next": "cluster.existingSecret.moreKeys: these are keys of a Secret of yours,",
    f"{SEVERAL},cluster.existingSecret.name=a,cluster.existingSecret.moreKeys[0]=../b": 'cluster.existingSecret.moreKeys: "../b" is wrong; it is a key of a Secret.',
    f"{SEVERAL},cluster.existingSecret.name=a,cluster.existingSecret.moreKeys[0]=secret": "cluster.existingSecret.moreKeys: secret is cluster.existingSecret.key already.",
    f"{SEVERAL},cluster.existingSecret.name=a,cluster.existingSecret.moreKeys={{b,b}}": "cluster.existingSecret.moreKeys: a key is there twice.",
    f"fullnameOverride={'a' * 41}": f"has 41 characters, and 40 are possible: names of pods and services become longer than that. A release that is there already has been called {'a' * 40}:",
}

# What the schema says: types.
TYPES = {
    "ports.control=many": "/ports/control",
    "users=demo": "/users",
}


class Wrong(unittest.TestCase):
    def test_values_are_answered_with_a_sentence(self):
        for wrong, expected in SENTENCES.items():
            with self.subTest(wrong):
                found = refused(wrong)
                sentence = SENTENCE.search(found)
                self.assertTrue(sentence, found)
                self.assertIn(expected, sentence[1])

    def test_types_are_those_of_the_schema(self):
        for wrong, expected in TYPES.items():
            with self.subTest(wrong):
                found = refused(wrong)
                self.assertIn("schema", found)
                self.assertIn(expected, found)

    def test_both_helms_refuse(self):
        for wrong in ("backends=null", "ports=null", "tls.mode=true", "config.http.listen[0]=0.0.0.0:80", DEMO + ",users[0].permissions=x"):
            found = refused(wrong, version=HELMS[1])
            self.assertNotIn("nil pointer", found)
            self.assertTrue(SENTENCE.search(found), found)

    def test_names_of_releases(self):
        for release, options in {"123": [], "1st": []}.items():
            ran = helm("template", release, CHART, *options, check=False)
            self.assertIn(f"services can't be named {release}-wharf", ran.stderr)

    def test_what_is_right_is_not_refused(self):
        for right in (
            "tls.mode=false",
            "hostNetwork=true,listenAddress=127.0.0.1",
            "persistence.enabled=true,persistence.mountPath=/run/ftp",
            "persistence.enabled=true,persistence.mountPath=/etc/ftp",
            "persistence.enabled=true,persistence.mountPath=/etc/wharf/tls",
            "persistence.enabled=true,persistence.mountPath=/tmp/ftp",
            "persistence.enabled=true,persistence.mountPath=/usr/share",
            "persistence.enabled=true,persistence.mountPath=/tmpfiles",
            "persistence.enabled=true,persistence.mountPath=/run,users=null",
            "existingConfigMap.name=mine,tls.mode=required,tls.settings.certificate=/a/tls.crt,tls.settings.key=/a/tls.key",
            f"{LOCAL},persistence.enabled=true",
            f"{LOCAL},persistence.existingClaim=mine",
            f"{LOCAL},extraVolumes[0].name=a,extraVolumeMounts[0].name=a,extraVolumeMounts[0].mountPath=/srv/ftp",
            LOCAL,
            f"{LOCAL},{ON_DISK},users[0].permissions=read-only",
            f"{LOCAL},{DEMO},users[0].permissions=read-only,users[0].mounts[0].at=/a,users[0].mounts[0].backend=disk",
            f"{LOCAL},users=null,config.anonymous.enabled=true,config.anonymous.backend=disk",
            f"{LOCAL},{ON_DISK},extraVolumes[0].name=a,extraVolumeMounts[0].name=a,extraVolumeMounts[0].mountPath=/srv//ftp/",
            f"backends.disk.kind=local,backends.disk.root=/srv//ftp/files,{ON_DISK},persistence.enabled=true",
            f"backends.disk.kind=local,backends.disk.root=/tmp/files,backends.disk.create_root=true,{ON_DISK}",
            f"{S3},backends.lake.access_key_id.env=A,backends.lake.secret_access_key.file=/a",
            f"{S3},backends.lake.access_key_id.env=_a7,backends.lake.secret_access_key.env=B,backends.lake.endpoint=https://store.example.com/a%20b",
            f"{LOCAL},{ON_DISK},persistence.enabled=true,{OWN_KEY.replace('/run/own', '/srv/ftp')}",
            f"{LOCAL},{ON_DISK},persistence.enabled=true,{MOUNT}=/srv,extraVolumeMounts[0].readOnly=true",
            f"{LOCAL},{ON_DISK},users[0].permissions=read-only,{MOUNT}=/srv/ftp,extraVolumeMounts[0].readOnly=true",
            f"{MOUNT}=/tmp/a,{INNER}=/etc/wharf/tls",
            f"config.events.spool=/var/events,{MOUNT}=/var/events",
            f"{S3},backends.lake.anonymous=true,config.events.spool.backend=lake,config.events.spool.path=.wharf/events",
            f"{LOCAL},persistence.enabled=true,{SPOOL_ON_DISK}",
            f"{LOCAL},{SPOOL_ON_DISK},{MOUNT}=/srv/ftp,extraVolumes[0].name=a,extraVolumes[0].persistentVolumeClaim.claimName=a",
            "config.events.spool=/srv/ftp/events,persistence.existingClaim=mine",
            "config.events.spool=/tmp/a/events,persistence.enabled=true,persistence.mountPath=/tmp/a",
            f"{S3},backends.lake.anonymous=true,backends.lake.endpoint=https://store.example.com:9000/path",
            f"{S3},backends.lake.anonymous=true,backends.lake.endpoint=http://[::1]:9000",
            "config.server.passive.address_for[0].clients=10.0.0.0/8,config.server.passive.address_for[0].address=10.1.2.3",
            "config.server.limits.sessions=5,config.log.filter=debug",
            "config.http.admin.token.env=WHARF_ADMIN_TOKEN,config.http.admin.listen[0]=127.0.0.1:9122",
            "config.lockout.failures=5,config.users_from[0].directory=/etc/wharf/users.d",
            "config.users_from[0].jwt.require.tenant=a,config.users_from[0].jwt.map[0].entry.path=a,config.users_from[0].defaults.path=b",
            "config.users_from[0].ldap.url=ldaps://a,config.users_from[0].ldap.groups.base=dc=x,config.users_from[0].ldap.map[0].group=a",
            "config.users_from[0].http=https://idp.example.com/,config.users_from[0].token.file=/run/idp/token",
            "config.users_from[0].sql.url.file=/run/db/url,config.users_from[0].sql.query=SELECT $1",
            f"{DEMO},users[0].mounts[0].at=/a,users[0].mounts[0].backend=scratch,users[0].permissions[0]=list",
            "users=null,config.anonymous.enabled=true,config.anonymous.backend=scratch",
            "hostNetwork=true,httpListenAddress=127.0.0.1,passive.ports=61000-64999",
            "proxyProtocol.trusted[0]=2001:db8::/32",
            SEVERAL,
            f"{SEVERAL},persistence.existingClaim=shared",
            "ports.relay=61001",
            f"{SEVERAL.replace('backends.scratch=null,', '')}",
            f"fullnameOverride={'a' * 40}",
            "serviceMonitor.enabled=true,serviceMonitor.interval=1m30s",
            f"{S3},backends.lake.profile=own,backends.lake.credentials_file=/run/own/credentials",
        ):
            with self.subTest(right):
                template("--set", right)


    def test_a_refusal_shows_no_secret(self):
        for wrong in (
            "backends.lake.secretAccessKey=marker",
            "backends.lake.secrets.access_key.value=marker",
            "backends.lake.secret_access_key=marker",
            "backends.lake.endpoint=https://key:marker@store.example.com",
            "backends.lake.endpoint=https://store.example.com/?sig=marker",
            "backends.lake.endpoint=https://key:marker%40store.example.com",
            "backends.lake.endpoint=https://marker%40store.example.com",
            "backends.lake.secret_access_key.env=mar/marker",
            "backends.lake.secret_access_key.file=marker",
            "backends.lake.prefix.password=marker",
            "config.anonymous.password=marker",
            "config.anonymous.permissions[0].password=marker",
            "config.server.limits=marker",
            "config.server.limits.password=marker",
            "config.tls.key_pem=marker,tls.mode=required,tls.existingSecret=a",
            "tls.settings.private_key=marker,tls.mode=required,tls.existingSecret=a",
            "tls.settings.key=marker",
        ):
            for version in HELMS:
                found = refused(f"{S3},{wrong}", version)
                self.assertTrue(SENTENCE.search(found), found)
                self.assertNotIn("marker", found)


class Names(unittest.TestCase):
    def test_are_those_that_the_server_takes(self):
        """What the chart takes becomes a part of a file's name, too, which the server finds."""
        odd = [".bob", "..", "-", "a:b", "a..b", "null", "7", "ñandú", "\u200b", "\u180e", "a" * 64, "ñ" * 32]
        wrong = ["a b", "a/b", "a\\b", "a\tb", "a\x0bb", "a\x7f", "a\x85", "a\xa0b", "\u2028", "\u3000", "a" * 65, "ñ" * 33]
        for name in odd + wrong:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "values.yaml"
                scratch = {"kind": "memory"}
                user = {"name": name, "password": HASH, "backend": "scratch"}
                path.write_text(yaml.safe_dump({"backends": {"scratch": scratch}, "users": [user]}))
                server = run(wharf(), "check", "--config", path, check=False)
                self.assertEqual(server.returncode == 0, name in odd, server.stderr)
                for values in ({"users": [user]}, {"backends": {name: scratch}, "users": [{"name": "a", "backend": name}]}):
                    path.write_text(yaml.safe_dump(values))
                    ran = helm("template", "wharf", CHART, "--values", path, check=False)
                    self.assertEqual(ran.returncode == 0, name in odd, ran.stderr)
                    if ran.returncode == 0:
                        pod = pathlib.Path(tempfile.mkdtemp(dir=folder))
                        Pod([document for document in yaml.safe_load_all(ran.stdout) if document], pod).check()


class Endpoints(unittest.TestCase):
    RIGHT = (
        *("https://store.example.com", "http://127.0.0.1:9000/", "http://[::1]:9000/path", "https://store.example.com:9000/a/b"),
        *("http://localhost:1", "https://minio_1.example.com:65535"),
    )
    WRONG = (
        *("store.example.com", "ftp://store.example.com", "HTTP://store.example.com", "https://", "https:///path", "https://:9000"),
        *("https://store.example.com:", "https://[::1", "https://::1", "https://a b.example.com", "https://store.example.com?a"),
        *("https://store.example.com#a", "https://key:secret@store.example.com", "https://store.example.com/a@b"),
    )

    def test_are_those_that_the_server_takes(self):
        for endpoint in self.RIGHT + self.WRONG:
            with self.subTest(endpoint), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "values.yaml"
                lake = {"kind": "s3", "bucket": "b", "anonymous": True, "endpoint": endpoint}
                user = {"name": "a", "password": HASH, "backend": "lake"}
                path.write_text(yaml.safe_dump({"backends": {"lake": lake}, "users": [user]}))
                server = run(wharf(), "check", "--config", path, check=False)
                self.assertEqual(server.returncode == 0, endpoint in self.RIGHT, server.stderr)
                path.write_text(yaml.safe_dump({"backends": {"lake": lake}, "users": [{"name": "a", "backend": "lake"}]}))
                ran = helm("template", "wharf", CHART, "--values", path, check=False)
                self.assertEqual(ran.returncode == 0, endpoint in self.RIGHT, ran.stderr)


class Schema(unittest.TestCase):
    def test_has_types_alone(self):
        def look(node, place):
            known = {"type", "properties", "additionalProperties", "items", "$schema", "title", "description"}
            self.assertLessEqual(set(node), known, place)
            for key, below in node.get("properties", {}).items():
                look(below, f"{place}/{key}")
            for key in ("items", "additionalProperties"):
                if isinstance(node.get(key), dict):
                    look(node[key], f"{place}/{key}")

        look(SCHEMA, "")

    def test_knows_every_value(self):
        def look(node, defaults, place):
            # What there isn't is refused by a template, whose sentence says more.
            self.assertNotIn("additionalProperties", node, place)
            self.assertLessEqual(set(defaults), set(node["properties"]), place)
            for key, below in defaults.items():
                # A template has the sentence about those that are needed.
                self.assertIn("null", node["properties"][key]["type"], f"{place}/{key}")
                if "properties" in node["properties"][key]:
                    look(node["properties"][key], below, f"{place}/{key}")

        look(SCHEMA, DEFAULTS, "")

    def test_says_what_every_value_is(self):
        def look(node, place):
            for key, below in node.get("properties", {}).items():
                text = below.get("description", "")
                self.assertRegex(text, r"^.{4,}[.`?)]$", f"{place}.{key}")
                look(below, f"{place}.{key}")
            for key in ("items", "additionalProperties"):
                if isinstance(node.get(key), dict):
                    look(node[key], f"{place}.{key}")

        look(SCHEMA, "")
        self.assertEqual(SCHEMA["properties"]["service"]["properties"]["type"]["description"], "`ClusterIP`, `NodePort` or `LoadBalancer`.")

    def test_is_that_of_the_configuration(self):
        """Users, mounts and permissions."""
        user = SCHEMA["properties"]["users"]["items"]["properties"]
        here = set(user) - {"passwordHash", "existingSecret"}
        self.assertEqual(here, set(CONFIGURATION["definitions"]["User"]["properties"]) - {"plain"})
        self.assertEqual(set(user["mounts"]["items"]["properties"]), set(CONFIGURATION["definitions"]["Mount"]["properties"]))
        self.assertEqual(set(SCHEMA["properties"]["config"]["properties"]), set(CONFIGURATION["properties"]))
        words = CONFIGURATION["definitions"]["Permissions"]["anyOf"][0]["enum"]
        helpers = (CHART / "templates/_helpers.tpl").read_text()
        self.assertIn(f'{{{{- define "wharf.permissionWords" -}}}}\n{" ".join(words)}\n', helpers)

    def test_knows_every_key_of_backends(self):
        text = (CHART / "templates/_keys.tpl").read_text()
        known = yaml.safe_load(re.search(r'define "wharf.backendKeys" -}}\n(.*?){{- end', text, re.S)[1])
        kinds = json.loads(run(wharf(), "schema").stdout)["definitions"]["Backend"]["oneOf"]
        keys = {kind["properties"]["kind"]["const"]: set(kind["properties"]) - {"kind"} for kind in kinds}
        # The image's build has no unftp backends.
        expected = {kind: found for kind, found in keys.items() if not kind.startswith("unftp-")}
        self.assertEqual({kind: set(found.split()) for kind, found in known.items()}, expected)

    def test_knows_every_key_of_the_configuration(self):
        text = (CHART / "templates/_keys.tpl").read_text()
        known = yaml.safe_load(re.search(r'define "wharf.configKeys" -}}\n(.*?){{- end', text, re.S)[1])
        schema = json.loads(run(wharf(), "schema").stdout)
        secrets = re.search(r'define "wharf.configSecrets" -}}\n(.*?)\n{{- end', text, re.S)[1]
        found, kept = {}, set()

        def look(node, place):
            if node.get("$ref") == "#/definitions/Secret":
                kept.add(place)
                return
            if "$ref" in node:
                node = schema["definitions"][node["$ref"].split("/")[-1]]
            # A secret that has to be there is a text, or where to find it.
            if any(option.get("$ref") == "#/definitions/SecretSource" for option in node.get("anyOf", [])):
                kept.add(place)
                return
            # Where a word may stand in place of keys, the chart leaves these to the server.
            options = node.get("anyOf", [])
            if any("enum" in option for option in options) or {"type": "string"} in options and any("$ref" in option for option in options):
                return
            for option in node.get("anyOf", []) + node.get("oneOf", []):
                look(option, place)
            if "properties" in node:
                self.assertIs(node["additionalProperties"], False, place)
                found[place] = set(node["properties"])
            for key, below in node.get("properties", {}).items():
                look(below, f"{place}.{key}")
            if "items" in node:
                look(node["items"], f"{place}[]")

        for section in set(schema["properties"]) - {"backends", "users"}:
            look(schema["properties"][section], section)
        self.assertEqual({section: set(keys.split()) for section, keys in known.items()}, found)
        self.assertEqual(set(secrets.split()), kept)

    def test_knows_every_secret_of_backends(self):
        def is_secret(property):
            return any(option.get("$ref") == "#/definitions/Secret" for option in property.get("anyOf", []))

        secrets = {
            name
            for kind in CONFIGURATION["definitions"]["Backend"]["oneOf"]
            for name, property in kind["properties"].items()
            if is_secret(property)
        }
        known = re.search(r'define "wharf.secretKeys" -}}\n(.*)\n', (CHART / "templates/_keys.tpl").read_text())[1]
        self.assertEqual(set(known.split()), secrets)
        given = SCHEMA["properties"]["backends"]["additionalProperties"]["properties"]["secrets"]["properties"]
        self.assertEqual(set(given), secrets)


class Quoted(unittest.TestCase):
    """Kubernetes wants texts where YAML sees numbers and truths."""

    ODD = {
        "fullnameOverride": "true",
        "priorityClassName": "true",
        "image": {"repository": "on", "pullPolicy": "Always"},
        "serviceAccount": {"name": "777"},
        "existingConfigMap": {"name": "123", "key": "on"},
        "persistence": {"existingClaim": "5", "mountPath": "/1"},
        "tls": {"mode": "required", "existingSecret": "1000"},
        "service": {"loadBalancerClass": "5", "type": "LoadBalancer"},
        "podLabels": {"a": "true"},
        "networkPolicy": {"enabled": True, "clients": [{"podSelector": {"matchLabels": {"b": "off"}}}]},
        "podDisruptionBudget": {"enabled": True},
        "serviceMonitor": {"enabled": True},
        "dashboard": {"enabled": True, "namespace": "7", "annotations": {"a": "on"}},
    }
    # What may be a number or a truth in the manifests that the chart makes.
    TYPED = {
        *("replicas", "terminationGracePeriodSeconds", "runAsUser", "runAsGroup", "fsGroup", "containerPort", "port", "targetPort"),
        *("periodSeconds", "failureThreshold", "timeoutSeconds", "defaultMode", "maxUnavailable", "endPort", "nodePort"),
        *("automountServiceAccountToken", "enableServiceLinks", "runAsNonRoot", "allowPrivilegeEscalation", "readOnly"),
        *("readOnlyRootFilesystem", "publishNotReadyAddresses"),
    }

    def look(self, node, key="", place=""):
        if isinstance(node, dict):
            for below, value in node.items():
                self.assertIsInstance(below, str, place)
                self.look(value, below, f"{place}/{below}")
        elif isinstance(node, list):
            for value in node:
                self.look(value, key, place)
        elif key not in self.TYPED:
            self.assertIsInstance(node, str, place)

    def rendered(self, release, values):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "values.yaml"
            path.write_text(yaml.safe_dump(values))
            kinds = ["--api-versions", "monitoring.coreos.com/v1"]
            ran = helm("template", release, CHART, "--namespace", "123", *kinds, "--values", path)
        return [document for document in yaml.safe_load_all(ran.stdout) if document]

    def test_texts_are_texts(self):
        for release in ("123", "true"):
            for values in (self.ODD, {**self.ODD, "existingConfigMap": {}, "persistence": {"enabled": True, "storageClass": "1"}}):
                for document in self.rendered(release, values):
                    self.look(document, place=document["kind"])

    def test_keys_of_secrets_are_texts(self):
        secret = {"name": "1", "key": "on", "plain": True}
        lake = {"kind": "s3", "bucket": "b", "region": "r", "access_key_id": {"env": "A"}, "secrets": {"secret_access_key": {"existingSecret": "2", "key": "off"}}}
        users = [{"name": "demo", "backend": "lake", "existingSecret": secret}]
        for document in self.rendered("wharf", {"backends": {"lake": lake}, "users": users}):
            self.look(document, place=document["kind"])


class Secrets(unittest.TestCase):
    def test_keys_do_not_collide(self):
        values = {
            "backends.user.kind": "s3",
            "backends.user.bucket": "b",
            "backends.user.region": "r",
            "backends.user.secrets.access_key_id.value": "of-the-backend",
            "backends.user.secrets.secret_access_key.value": "secret",
            "users[0].name": "access_key_id",
            "users[0].backend": "user",
            "users[0].password": "of-the-user",
            "users[1].name": "secret_access_key",
            "users[1].backend": "user",
        }
        documents = manifests(*(f"--set={key}={value}" for key, value in values.items()))
        with tempfile.TemporaryDirectory() as folder:
            pod = Pod(documents, folder)
            config = yaml.safe_load(pod.inside("/etc/wharf/config/wharf.yaml").read_text())
            read = lambda place: pod.inside(place["file"]).read_text()
            self.assertEqual(read(config["backends"]["user"]["access_key_id"]), "of-the-backend")
            self.assertEqual(read(config["users"][0]["password"]), "of-the-user")
            self.assertRegex(read(config["users"][1]["password"]), "^[A-Za-z0-9]{24}$")

    def test_a_hash_is_never_where_a_password_is(self):
        """The container of before may be started again with what an upgrade has made of its Secret."""

        def file(*how):
            config = one("ConfigMap", manifests(f"--set={DEMO}", *(f"--set=users[0].{value}" for value in how)))["data"]["wharf.yaml"]
            [user] = yaml.safe_load(config)["users"]
            return user["password"]["file"], user.get("plain", False)

        secret = ("existingSecret.name=a", "existingSecret.key=b")
        hashes = [file(f"passwordHash={HASH}".replace(",", "\\,")), file(*secret)]
        passwords = [file("password=a"), file(*secret, "existingSecret.plain=true")]
        generated = file()
        self.assertEqual(hashes, [("/run/wharf/secrets/hash.demo", False)] * 2)
        self.assertEqual(passwords, [("/run/wharf/secrets/user.demo", True)] * 2)
        self.assertEqual(generated, ("/run/wharf/secrets/generated.demo", True))

    def test_what_was_given_never_becomes_what_is_generated(self):
        """A hash that is taken out of the values would be the password itself."""
        given = base64.b64encode(HASH.encode()).decode()
        with Cluster() as cluster:
            for before in ({"hash.demo": given}, {"hash.demo": given, "user.demo": given, "demo": given}):
                cluster.secrets["wharf"] = before
                for version in HELMS:
                    arguments = ["--dry-run=server", "--disable-openapi-validation", "--namespace", "ftp"]
                    ran = helm("template", "wharf", CHART, *arguments, version=version, kubeconfig=cluster.kubeconfig)
                    documents = [document for document in yaml.safe_load_all(ran.stdout) if document]
                    [(key, value)] = one("Secret", documents)["data"].items()
                    self.assertEqual(key, "generated.demo")
                    self.assertRegex(base64.b64decode(value).decode(), "^[A-Za-z0-9]{24}$")


if __name__ == "__main__":
    unittest.main()
