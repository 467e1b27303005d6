// zh-server.ts — In Chinese, what the supervisor and workers say in English: what failures and refusals mean and what
// to do, what is done in Events, and why replicas have their health. Commands and options stay as they are typed.
import { errors, failures, type ErrorCode, type FailureReason } from '@kagami/protocol'

type Words = readonly [meaning: string, hint: string]

const INTACT = '已发布的副本没有损坏，其中一部分可能已经是新的。'
const SET_OPTION = '在 worker.toml 中，或用 kagami replicas edit NAME@WORKER --option KEY=VALUE'

const zhFailures: Readonly<Record<FailureReason, Words>> = {
  upstream_unreachable: ['无法连接上游。', '请检查地址，以及节点与上游之间的网络。节点会自行重试。'],
  upstream_refused: [
    '上游有响应，但拒绝了请求。',
    '上游可能过载，或不允许这个节点访问。请查看日志；如果持续如此，请联系上游的管理员。',
  ],
  upstream_missing: [
    '地址所指的内容不存在。',
    '请检查路径、模块名或仓库名：它可能已经搬迁。在 worker.toml 中改正，或用 ' +
      'kagami replicas edit NAME@WORKER --upstream URL。',
  ],
  upstream_empty: [
    '上游是空的，而副本不是。',
    '没有删除任何文件。请查看上游。如果确实如此：kagami replicas approve NAME@WORKER。',
  ],
  auth_rejected: [
    '上游拒绝了凭据，或需要凭据。',
    '请提供有效的凭据：kagami replicas edit NAME@WORKER --username USER --password-file FILE，或 --token-file FILE。' +
      '已有的文件保留。',
  ],
  timed_out: [
    '同步超过了时限，或上游太久没有发送数据。',
    `请查明上游为什么慢。时限是选项 time_limit_secs 和 timeout_secs（${SET_OPTION}），以及节点的 sync_timeout_secs。`,
  ],
  cancelled: ['同步被操作者停止。', '需要时再次启动：kagami sync NAME@WORKER。'],
  interrupted: ['同步进行时节点停止了。', '无需操作：会再次同步。'],
  disk_full: ['节点的磁盘已满。', `请在节点上腾出空间，或迁移这个副本。${INTACT}`],
  tool_missing: ['节点上没有安装这种类型需要的程序。', '请在节点上安装它。其他类型的副本照常同步。'],
  content_invalid: ['上游发送的内容已损坏，或与它声明的不符。', '已损坏的内容没有发布。具体问题见日志。'],
  local_conflict: ['副本的目录里有别的东西。', '请把它移走，或换一个名称。没有做任何更改。'],
  kind_unknown: ['不知道这个副本的类型，因此无法同步。', '请在 worker.toml 中写上 kind 和 upstream。'],
  partial: [
    '只能读取上游的一部分。',
    '会再次尝试；没有读到的内容不会被当作已删除。如果持续如此，说明上游有些文件无法读取。',
  ],
  too_many_deletions: [
    '这次同步要删除的超过了允许的限度。',
    '没有删除任何文件。如果应当删除：kagami replicas approve NAME@WORKER。如果不应当：kagami replicas reject ' +
      `NAME@WORKER。限度是选项 max_delete_percent 和 max_shrink_percent（${SET_OPTION}）。`,
  ],
  missing_disk: [
    '副本的目录或 data_dir 里没有原来的文件：它的磁盘没有挂载。',
    '没有获取或删除任何文件。请挂载磁盘：下一次同步会照常继续。如果文件确实已经丢失：' +
      'kagami replicas approve NAME@WORKER 会重新获取。',
  ],
  foreign_files: [
    '目录里有另一个上游或另一种类型的文件，或不是由 Kagami 获取的文件。',
    '没有做任何更改。如果要接管它们，使只获取不同的文件并删除上游没有的文件：kagami replicas adopt NAME@WORKER。' +
      '否则请换一个名称，或把目录移走。',
  ],
  stalled: [
    '太久没有收到任何字节或文件。上游的消息不算在内。',
    `${INTACT}时限是选项 stall_secs（${SET_OPTION}）。如果持续如此，请查看上游。`,
  ],
  quota_exceeded: [
    '上游超过了这个副本的限额。',
    `请提高消息中所说的选项（quota_mib、max_files、memory_mib）：${SET_OPTION}。或排除上游的更多内容。${INTACT}`,
  ],
  address_forbidden: [
    '不允许节点连接这个地址。',
    '链路本地地址始终不允许。原先为公网地址的上游不允许改用私有地址，upstream_policy = "public-only" 时也不允许。' +
      `如果上游现在确实使用私有地址，请设置选项 allow_private（${SET_OPTION}）。否则请检查它的域名服务器和重定向。` +
      '节点自己的目录只有在 worker.toml 的 upstream_roots 之下才能作为上游。',
  ],
  invalid_options: [
    '这个副本的一个选项不适用于它的类型。',
    `请改正消息中所说的选项：${SET_OPTION}。选项见 docs/providers。`,
  ],
  local_denied: [
    '节点上的文件属于其他用户，因此节点不能读取或更改它们。',
    `请把它们交给节点的用户（chown -R），消息中有用户名。${INTACT}`,
  ],
  disk_error: ['节点的磁盘只读、出错或无法访问。', `请检查节点的磁盘（dmesg），并以可写方式挂载。${INTACT}`],
  unknown: ['同步因未知原因失败。', '请查看这次同步的日志。'],
}

const zhErrors: Readonly<Record<ErrorCode, Words>> = {
  invalid_request: ['请求缺少字段或字段有误，消息中有它的名称。', '请改正后再次发送。接口说明见 /docs。'],
  invalid_name: ['这个名称不能用于副本。', '请换一个名称：可用字母、数字、“.”、“_”和“-”。名称不会被悄悄更改。'],
  invalid_upstream: [
    '上游地址与类型不符。',
    'git：https://、git:// 或 ssh://user@host/path；rsync：rsync://host/module/ 或 ssh://user@host/path/；http：https:// ' +
      '或 http://。git 和 rsync 还可以用 file://，须在节点 worker.toml 的 upstream_roots 之下。command：https://、http://、' +
      'rsync://、git://、ftp:// 或 ftps://。凭据请写在 “auth” 中。',
  ],
  invalid_interval: ['间隔超出范围。', '0 表示只按请求同步，否则为 1 到 2592000 秒。'],
  invalid_kind: ['节点不支持这种类型。', '查看节点支持的类型：kagami workers get ID。'],
  invalid_options: ['选项不适用于这种类型。', '节点每种类型的选项见 GET /api/v1/workers/{id}。'],
  name_taken: [
    '这个节点上已有同名的副本。',
    '同一节点上的名称不能重复，不区分大小写。请换一个名称，或更改另一个副本：kagami replicas edit NAME@WORKER。',
  ],
  not_approved: ['节点未获批准。', '请先批准：kagami workers approve ID。'],
  no_such_replica: ['节点没有这个副本。', '列出它的副本：kagami replicas --worker ID。'],
  unknown_worker: ['没有这个节点。', '列出节点：kagami workers。'],
  wrong_host: [
    '请求使用的主机名不属于这个 supervisor。',
    '监听本机地址时，它只以 localhost 和本机地址应答，使网页无法访问它。在代理之后，请把主机名加入 SUPERVISOR_ALLOWED_HOSTS。',
  ],
  method_not_allowed: ['这个路径不支持请求的方法。', '请使用应答头 Allow 中的方法。接口说明见 /docs。'],
  request_too_slow: ['请求没有及时到达。', '请一次性重新发送。'],
  request_too_long: ['请求的地址和请求头太长。', '最多发送 16 KiB。'],
  body_too_large: ['请求正文太大。', '最多发送 1 MiB。'],
  unauthorized: [
    '更改需要令牌，或需要登录。',
    '请发送 “Authorization: Bearer TOKEN”。令牌在 supervisor 状态目录的 api-token 文件中，或在 SUPERVISOR_API_TOKEN 中；' +
      '管理员可以创建其他令牌：kagami tokens create NAME。在网页中请登录。',
  ],
  forbidden: [
    '请求者不能这样做：消息说明需要哪种角色或范围。',
    'viewer 只读，operator 可以更改副本和节点，admin 还可以终止节点和发放令牌。请向管理员索取有权限的令牌：' +
      'kagami tokens create NAME --role ROLE。',
  ],
  too_many_attempts: ['这个地址发送了太多错误的令牌。', '请等待 Retry-After 所说的秒数，然后用正确的令牌再试。'],
  too_many_writes: [
    '这个地址发送了太多更改。',
    '之前的更改已经执行。请等待 Retry-After 所说的秒数，然后从这一个继续。',
  ],
  not_found: [
    '这里没有这样的东西。',
    '请检查 ID 或名称。列表见 /api/v1/workers、/api/v1/replicas 和 /api/v1/resources。',
  ],
  worker_unreachable: ['节点没有应答。', '它可能已离线。请查看节点的页面，或再试一次。'],
  precondition_failed: [
    '自读取 If-Match 中的 ETag 以来，有人更改了它。',
    '请重新读取，查看更改了什么，再用新的 ETag 发送。',
  ],
  conflict: ['当前状态不允许这样做。', '请查看当前状态，然后再试。'],
  unavailable: ['supervisor 现在不能这样做。', '缺少什么见 /readyz，稍后再试。镜像照常同步。'],
  internal: ['supervisor 内部出错，已按请求编号记入日志。', '请报告此问题并附上请求编号。镜像照常同步。'],
}

/** What is done and how it ended, in Events. */
const zhEvents = {
  approve: '批准',
  reject: '拒绝',
  join: '加入',
  terminate: '终止',
  forget: '遗忘',
  enrol: '发放凭据',
  revoke: '吊销凭据',
  sync: '同步',
  cancel: '取消',
  pause: '暂停',
  resume: '恢复',
  verify: '校验',
  edit: '编辑',
  rename: '重命名',
  remove: '移除',
  'add replica': '添加副本',
  'remove replica': '移除副本',
  rollback: '回到上一版',
  restore: '归还',
  'try upstream': '测试上游',
  bulk: '批量操作',
  'cancel bulk': '取消批量操作',
  'make token': '创建令牌',
  'remove token': '移除令牌',
  'make join token': '创建加入令牌',
  'remove join token': '移除加入令牌',
  'sign in': '登录',
  ok: '完成',
  pending: '待批准',
  approved: '已批准',
  rejected: '已拒绝',
}

/** Why a replica has its health, where that is said of every replica in the same words. */
const zhHealth = {
  'its worker is silent; what is shown is the last known state': '节点失联；显示的是最后已知的状态',
  'the last good sync is more than three intervals ago': '上次成功同步已过去三个间隔以上',
  'its sync runs, but nothing has moved for 15 minutes': '同步在进行，但 15 分钟没有任何进展',
  'the last good sync is more than one interval ago': '上次成功同步已过去一个间隔以上',
  'a sync is running': '正在同步',
  'waiting for a slot': '正在等待槽位',
  'paused by an operator; it syncs only on request': '已被运维暂停；只在请求时同步',
  'declared without a kind, so it cannot be synced': '声明时没有类型，因此无法同步',
  'never synced yet': '还没有同步过',
  'its last sync succeeded; when is not known': '上次同步成功；时间未知',
  'synced within its interval': '在间隔之内已同步',
  'synced; it syncs again only on request': '已同步；只在请求时再次同步',
}

/** By the English text. */
export const zhServer: ReadonlyMap<string, string> = new Map([
  ...pairsOf(failures, zhFailures),
  ...pairsOf(errors, zhErrors),
  ...Object.entries({ ...zhEvents, ...zhHealth }),
])

function pairsOf<K extends string>(
  english: Readonly<Record<K, { meaning: string; hint: string }>>,
  chinese: Readonly<Record<K, Words>>,
): [string, string][] {
  return (Object.keys(english) as K[]).flatMap((key) => [
    [english[key].meaning, chinese[key][0]] as [string, string],
    [english[key].hint, chinese[key][1]] as [string, string],
  ])
}
