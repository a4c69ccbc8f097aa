// What the dashboard's charts use of ECharts, as the global `echarts`. A chart that needs more adds it here.
import { LineChart } from "echarts/charts";
import { AxisPointerComponent, GridComponent, MarkAreaComponent, MarkLineComponent } from "echarts/components";
import { connect, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([LineChart, AxisPointerComponent, GridComponent, MarkAreaComponent, MarkLineComponent, CanvasRenderer]);

globalThis.echarts = { connect, init };
