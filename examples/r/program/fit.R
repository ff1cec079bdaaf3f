# Fits a line to a table of x and y: stores what R knows of it, and a plot of the points and the line.
arguments <- commandArgs(trailingOnly = TRUE)
points <- read.csv(arguments[1])
stopifnot("the table has no columns x and y" = all(c("x", "y") %in% names(points)))
model <- lm(y ~ x, points)

known <- data.frame(
  points = nrow(points),
  intercept = coef(model)[[1]],
  slope = coef(model)[[2]],
  r2 = summary(model)$r.squared
)
write.csv(format(known, digits = 10, trim = TRUE), paste0(arguments[2], ".csv"), row.names = FALSE, quote = FALSE)

# The points are characters of a font, and the PDF is not compressed, so that other programs find them.
pdf(paste0(arguments[2], ".pdf"), width = 5, height = 4, compress = FALSE, useDingbats = TRUE)
plot(y ~ x, points, pch = 16, xlim = c(0, 20), ylim = c(0, 14))
abline(model)
invisible(dev.off())
cat(sprintf("y = %.2f + %.2f x, R2 %.2f\n", known$intercept, known$slope, known$r2))
