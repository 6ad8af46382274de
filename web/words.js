// Words of the page in both languages; names of KPIs come with their definitions.
const words = {
  en: { skip: "Skip to the figures", org: "Company", board: "Board", window: "Window", theme: "Light / dark", leaderboard: "Leaderboard", rank: "Rank", movement: "Movement", name: "Name",
    value: "Value", gap: "Gap", target: "Target", figures: "Figures", alerts: "Alerts", scorecards: "Scorecards", usage: "Use of the CRM", retention: "Users who come back",
    lifecycle: "Life cycle of users", health: "Pipeline", token: "Token", go: "Go", on: "live", off: "not connected, trying again", wait: "connecting", none: "nothing yet", up: "up {n}", down: "down {n}", same: "unchanged",
    fresh: "new", firing: "firing", resolved: "resolved", pending: "pending", since: "since {at}", evidence: "Evidence: {n} events", more: "and more", of: "{n} of {m}", samples: "n = {n}", coverage: "coverage {p}", provisional: "provisional",
    contributes: "{kpi}: {points} of {max} points", lag: "Records waiting", behind: "Behind by", age: "Newest event", watermark: "Watermark", judged: "Judged up to", applied: "Applied", duplicate: "Duplicates", late: "Late", dead: "Dead letters", ready: "State", yes: "ready", no: "not ready",
    ago: "{t} ago", leads: "{name} now leads", fires: "{rule} fires for {name}", clears: "{rule} is resolved for {name}", trend: "{name}, last {n} values, from {a} to {b}", lcNew: "new", lcReturning: "returning", lcResurrected: "resurrected", lcDormant: "dormant",
    after: "after {k}", backDay: "1 day", backWeek: "1 week", backMonth: "1 month", cohorts: "Retention of one cohort", interval: "Interval", cohort: "First active", cohortD: "days", cohortW: "weeks", cohortM: "months",
    cohortCaption: "Of {n} users who were first active in {name}: active {unit} later", later: "{unit} later", users: "Users", share: "Share", soFar: "{n} so far", asTable: "As a table", language: "中文" },
  zh: { skip: "跳到数据", org: "公司", board: "榜单", window: "时间窗口", theme: "浅色 / 深色", leaderboard: "排行榜", rank: "名次", movement: "变化", name: "姓名",
    value: "数值", gap: "差距", target: "目标完成", figures: "指标", alerts: "告警", scorecards: "记分卡", usage: "系统使用", retention: "用户留存曲线",
    lifecycle: "用户生命周期", health: "数据管道", token: "令牌", go: "进入", on: "实时", off: "连接中断，正在重试", wait: "正在连接", none: "暂无数据", up: "上升 {n}", down: "下降 {n}", same: "不变",
    fresh: "新上榜", firing: "触发", resolved: "已解除", pending: "等待确认", since: "自 {at}", evidence: "依据：{n} 个事件", more: "还有更多", of: "{n} / {m}", samples: "样本 {n}", coverage: "覆盖率 {p}", provisional: "暂定",
    contributes: "{kpi}：{points} 分，满分 {max} 分", lag: "待处理记录", behind: "落后时间", age: "最新事件", watermark: "水位线", judged: "已判定至", applied: "已处理", duplicate: "重复", late: "迟到", dead: "死信", ready: "状态", yes: "就绪", no: "未就绪",
    ago: "{t}前", leads: "{name} 升至第一", fires: "{name} 触发 {rule}", clears: "{name} 的 {rule} 已解除", trend: "{name}，最近 {n} 个值，从 {a} 到 {b}", lcNew: "新用户", lcReturning: "回访", lcResurrected: "回流", lcDormant: "沉睡",
    after: "{k}后", backDay: "1 天", backWeek: "1 周", backMonth: "1 月", cohorts: "单个群组的留存曲线", interval: "周期", cohort: "首次活跃", cohortD: "天", cohortW: "周", cohortM: "月",
    cohortCaption: "{name} 首次活跃的 {n} 位用户：此后各{unit}的活跃情况", later: "此后第几{unit}", users: "用户数", share: "占比", soFar: "目前 {n}", asTable: "以表格显示", language: "English" },
};

let language = "en";

export const setLanguage = (to) => {
  language = words[to] ? to : "en";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
};
export const getLanguage = () => language;
export const t = (key, values = {}) => (words[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
export const titleOf = (kpi) => (kpi ? (language === "zh" && kpi.title_zh) || kpi.title || kpi.id : "");

const locale = () => (language === "zh" ? "zh-CN" : "en");
const durations = [[86400000, "d", "天"], [3600000, "h", "小时"], [60000, "min", "分钟"], [1000, "s", "秒"]];

export const duration = (ms) => {
  const [size, en, zh] = durations.find(([one]) => Math.abs(ms) >= one) ?? durations[3];
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: ms / size < 10 ? 1 : 0 }).format(ms / size) + " " + (language === "zh" ? zh : en);
};
export const figure = (value, unit, currency) => {
  if (value === null || value === undefined) return "–";
  const short = { notation: "compact", maximumSignificantDigits: 4 };
  switch (unit) {
    case "ratio": return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(value);
    case "micros": return new Intl.NumberFormat(locale(), currency ? { ...short, style: "currency", currency } : short).format(value / 1e6);
    case "ms": return duration(value);
    default: return new Intl.NumberFormat(locale(), short).format(value);
  }
};
export const instant = (ms) => new Intl.DateTimeFormat(locale(), { dateStyle: "short", timeStyle: "medium" }).format(ms);
