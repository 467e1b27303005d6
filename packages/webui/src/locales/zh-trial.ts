// zh-trial.ts — 简体中文: an upstream is tested.
import type { Texts } from './texts.ts'
import type { trial as en } from './en-trial.ts'

export const trial: Texts<typeof en> = {
  trial: {
    title: '上游测试',
    what: '测试',
    button: '测试上游',
    needs: '请先填写上游、类型和节点。',
    running: '{worker} 正在询问上游：{n} 秒，最多 10 秒',
    good: '{worker} 可以镜像它（就测试所见）',
    bad: '{worker} 现在无法同步它',
    ok: '正常',
    failed: '失败',
    free: '{worker} 剩余 {free}',
    save: '仍然可以保存：同步会自动重试。',
  },
  trialStep: {
    settings: '设置',
    address: '地址',
    proxy: '代理',
    dns: '域名解析',
    connection: '连接',
    tls: '加密',
    answer: '上游',
  },
}
