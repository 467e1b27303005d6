// drawChart.ts — Draws one chart over time. A part without a value stays empty: nothing is drawn between its
// neighbours.
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { ticksOf } from './ticks.ts'

/** One line, one row of dots or one row of bars; null where nothing was measured. */
export interface ChartSeries {
  readonly kind: 'line' | 'dots' | 'bars'
  readonly tone: 'accent' | 'muted'
  readonly values: readonly (number | null)[]
}

/** What a chart shows. */
export interface ChartContent {
  /** Middle of each part, Unix seconds. */
  readonly times: readonly number[]
  readonly from: number
  readonly to: number
  readonly series: readonly ChartSeries[]
  readonly steps: readonly number[]
  /** Whether the axis begins at zero. */
  readonly fromZero: boolean
  /** The time zone in which days begin; undefined: the browser's own. */
  readonly zone: string | undefined
  /** Without axes and half as high: the values are said beside it. */
  readonly small?: boolean
  format(value: number): string
  formatDay(seconds: number): string
}

const HEIGHT = 150
const SMALL_HEIGHT = 64
const DAY = 86_400

/** Draws into `box`. `onPoint` is called with the part under the pointer, or null. */
export function drawChart(
  box: HTMLElement,
  content: ChartContent,
  width: number,
  onPoint: (index: number | null) => void,
): UPlot {
  const ink = (name: string) => getComputedStyle(box).getPropertyValue(`--${name}`)
  const font = `11px ${getComputedStyle(box).fontFamily}`
  const axis = { show: !content.small, stroke: ink('muted'), font, ticks: { show: false } }
  const values = content.series.flatMap((series) => series.values.filter((value) => value !== null))
  const ticks = ticksOf(content.fromZero ? 0 : Math.min(...values), Math.max(...values), content.steps)
  const options: UPlot.Options = {
    width,
    height: content.small ? SMALL_HEIGHT : HEIGHT,
    padding: content.small ? [4, 4, 4, 4] : [8, 8, 0, 0],
    legend: { show: false },
    tzDate: (at) => (content.zone ? UPlot.tzDate(new Date(at * 1000), content.zone) : new Date(at * 1000)),
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { range: [content.from, content.to] },
      y: { range: [ticks[0]!, ticks.at(-1)!] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 64,
        size: 24,
        incrs: [DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY],
        values: (_, splits) => splits.map((at) => content.formatDay(at)),
      },
      {
        ...axis,
        grid: { stroke: ink('line'), width: 1 },
        size: 66,
        splits: () => ticks,
        values: (_, splits) => splits.map((value) => (value === 0 ? '0' : content.format(value))),
      },
    ],
    series: [{}, ...content.series.map((series) => optionsOf(series, ink(series.tone), content.small))],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
  }
  return new UPlot(options, [[...content.times], ...content.series.map(({ values: all }) => [...all])], box)
}

function optionsOf({ kind }: ChartSeries, stroke: string, small = false): UPlot.Series {
  if (kind === 'bars')
    return { stroke, fill: stroke, width: 0, points: { show: false }, paths: UPlot.paths.bars!({ size: [0.7, 24] }) }
  const points = { show: true, size: small ? 3 : kind === 'line' ? 5 : 4, fill: stroke, width: 0 }
  const paths = kind === 'line' ? UPlot.paths.linear!() : () => null
  return { stroke, width: 1.5, spanGaps: false, points, paths }
}
