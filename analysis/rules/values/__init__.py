"""Values that meters, hubs and their mirrors give: readings, demand, scales, prices, credit, local time, voltages and
alarm bits. Which attributes these are stands in `dissectors/zcl/tables/quantities.csv`."""
