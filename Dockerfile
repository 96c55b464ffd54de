# The page is built with everything; what runs brings only what it needs, and no embedded PDS.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM node:24-bookworm-slim AS production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 MOODS_DATA=/data
WORKDIR /app
COPY --from=production /app/node_modules node_modules
COPY package.json ./
COPY bin bin
COPY src src
COPY lexicons lexicons
COPY --from=build /app/dist dist
RUN mkdir /data && chown node:node /data
USER node
EXPOSE 8787
# Workers answer to nobody: compose.yaml turns this off for them.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8787/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/moods.js"]
CMD ["serve"]
